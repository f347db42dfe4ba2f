{{/* What is wrong between values, a sentence each: place, mistake, remedy. Their shapes are the schema's to check. */}}
{{- define "crm.problems" -}}
{{- $v := .Values }}{{ $config := $v.config }}{{ $sqlite := include "crm.sqlite" . }}
{{- if and $v.secret.existingSecret $v.secret.tokens }}
secret: has both existingSecret and tokens; keep one of them
{{- end }}
{{- $names := dict }}
{{- range $name, $destination := $config.destinations }}
{{- $key := include "crm.keyFile" $destination }}
{{- $inline := trimSuffix "_file" $key }}
{{- $place := printf "config.destinations.%s" $name }}
{{- if hasKey $destination $inline }}
{{ $place }}.{{ $inline }}: would be readable in a ConfigMap; put it in a Secret and name that in secret.existingSecret
{{- else if not (or (hasKey $destination $key) $v.secret.existingSecret (hasKey $v.secret.tokens $name)) }}
{{ $place }}: has no secret; name a Secret with the key {{ $name }} in secret.existingSecret
{{- end }}
{{- $short := include "crm.short" $name }}
{{- if hasKey $names $short }}
{{ $place }}: has the same workload name as {{ get $names $short }}; rename one of them
{{- end }}
{{- $_ := set $names $short $name }}
{{- $grace := include "crm.grace" (dict "root" $ "destination" $name) | int }}
{{- $needed := add (include "crm.drain" (dict "root" $ "destination" $name)) 15 }}
{{- if lt $grace ($needed | int) }}
terminationGracePeriodSeconds: is {{ $grace }}, but {{ $name }} may drain longer; set at least {{ $needed }}, or leave it out
{{- end }}
{{- $own := default dict (get $v.destinations $name) }}
{{- if and $sqlite (gt (default $v.replicas $own.replicas | int) 1) }}
replicas: {{ $name }} has more than 1, but an SQLite ledger serves one pod; give config.ledger.url_file of a PostgreSQL ledger
{{- end }}
{{- end }}
{{- range $name, $_ := $v.destinations }}
{{- if not (hasKey $config.destinations $name) }}
destinations.{{ $name }}: is not in config.destinations; correct its name
{{- end }}
{{- end }}
{{- range $name, $_ := $v.secret.tokens }}
{{- if not (hasKey $config.destinations $name) }}
secret.tokens.{{ $name }}: is not in config.destinations; correct its name
{{- end }}
{{- end }}
{{- range list "password" "token" }}
{{- if hasKey (default dict $config.schema_registry) . }}
config.schema_registry.{{ . }}: would be readable in a ConfigMap; put it in a Secret and name its file in {{ . }}_file
{{- end }}
{{- end }}
{{- range $name, $_ := default dict $config.kafka.properties }}
{{- if and (regexMatch "password|secret|[.]pem|oauthbearer[.]config" $name) (not (hasSuffix "_file" $name)) }}
config.kafka.properties.{{ $name }}: would be readable in a ConfigMap; put it in a Secret and name its file in {{ $name }}_file
{{- end }}
{{- end }}
{{- $ledger := default dict $config.ledger }}
{{- if regexMatch "^postgres.*://[^/]*:[^/]*@" (default "" $ledger.url) }}
config.ledger.url: holds a password, which would be readable in a ConfigMap; put it in a Secret and name its file in config.ledger.url_file
{{- end }}
{{- if and $sqlite $ledger.url (not (hasPrefix "sqlite:///var/lib/crm-connector/" $ledger.url)) }}
config.ledger.url: is not on the pod's volume; write sqlite:///var/lib/crm-connector/ledger.db
{{- end }}
{{- if and $sqlite $v.ledgerMigration.enabled }}
ledgerMigration: is for a PostgreSQL ledger; an SQLite file needs none
{{- end }}
{{- if and $v.keda.enabled $sqlite }}
keda: needs a ledger that pods share; give config.ledger.url_file of a PostgreSQL ledger
{{- end }}
{{- if and $v.keda.enabled $v.staticMembership.enabled }}
keda: would leave the partitions of static members without a reader when it scales down; disable staticMembership
{{- end }}
{{- if and $v.keda.enabled (eq $v.keda.trigger "prometheus") (not $v.keda.prometheusAddress) }}
keda.prometheusAddress: is missing; give the address of Prometheus
{{- end }}
{{- range $name, $replay := $v.replay }}
{{- if $sqlite }}
replay.{{ $name }}: needs a ledger that pods share; give config.ledger.url_file of a PostgreSQL ledger
{{- end }}
{{- if not (hasKey $config.destinations $replay.destination) }}
replay.{{ $name }}.destination: {{ $replay.destination }} is not in config.destinations; correct its name
{{- end }}
{{- end }}
{{- $rules := dict }}
{{- range (.Files.Get "files/alerts.yaml" | fromYaml).groups }}
{{- range .rules }}{{ $_ := set $rules .alert .expr }}{{ end }}
{{- end }}
{{- range $name, $own := $v.alerts.rules }}
{{- if not (hasKey $rules $name) }}
alerts.rules.{{ $name }}: is not an alert; there are {{ keys $rules | sortAlpha | join ", " }}
{{- else if and (hasKey $own "threshold") (not (regexMatch "[1-9][0-9]*$" (get $rules $name))) }}
alerts.rules.{{ $name }}.threshold: there is none; set enabled, severity or for
{{- end }}
{{- end }}
{{- end -}}
