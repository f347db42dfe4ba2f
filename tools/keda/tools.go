//go:build tools

// Package tools names what scales the chart when it is tried; `tools/get keda-operator keda-adapter` builds it.
package tools

import (
	_ "github.com/kedacore/keda/v2/cmd/adapter"
	_ "github.com/kedacore/keda/v2/cmd/operator"
)
