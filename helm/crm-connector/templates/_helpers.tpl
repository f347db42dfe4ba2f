{{/* The release's full name, with room for what is put behind it. */}}
{{- define "crm.fullname" -}}
{{- $default := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- include "crm.short" (default $default .Values.fullnameOverride) -}}
{{- end -}}

{{/* A name that still is one with a pod's and a revision's suffix: long ones end in a hash, so that none collide. */}}
{{- define "crm.short" -}}
{{- $name := lower . | replace "." "-" | replace "_" "-" -}}
{{- if gt (len $name) 50 -}}
{{- printf "%s-%s" (trunc 41 $name | trimSuffix "-") (sha256sum . | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{/* Name of a destination's workload. Takes root and destination. */}}
{{- define "crm.name" -}}
{{- include "crm.short" (printf "%s-%s" (include "crm.fullname" .root) .destination) -}}
{{- end -}}

{{- define "crm.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "crm.labels" -}}
{{ include "crm.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The same of one destination: all its pods, and they alone. Takes root and destination. */}}
{{- define "crm.destinationSelector" -}}
{{ include "crm.selector" .root }}
app.kubernetes.io/component: {{ include "crm.short" .destination }}
{{- end -}}

{{- define "crm.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "crm.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "crm.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "crm.secret" -}}
{{ default (include "crm.fullname" .) .Values.secret.existingSecret }}
{{- end -}}

{{/* "true" where the ledger is a file of one pod. */}}
{{- define "crm.sqlite" -}}
{{- $ledger := default dict .Values.config.ledger -}}
{{- if not (or $ledger.url_file (hasPrefix "postgres" (default "" $ledger.url))) -}}true{{- end -}}
{{- end -}}

{{/* "true" where pods have names and volumes of their own. */}}
{{- define "crm.stateful" -}}
{{- if or (include "crm.sqlite" .) .Values.staticMembership.enabled -}}true{{- end -}}
{{- end -}}

{{/* The option in which a destination's secret is given as a file, by its type. */}}
{{- define "crm.keyFile" -}}
{{ ternary "token_file" "api_key_file" (eq .type "metrica") }}
{{- end -}}

{{/* The configuration as the program reads it. */}}
{{- define "crm.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- range $name, $destination := $config.destinations -}}
{{- $key := include "crm.keyFile" $destination -}}
{{- if not (hasKey $destination $key) -}}
{{- $_ := set $destination $key (printf "/run/secrets/crm-connector/%s" $name) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $config "server" (mergeOverwrite (default dict $config.server) (dict "host" "0.0.0.0" "port" 9108)) -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Seconds that a destination's drain may take, as the program has them. Takes root and destination. */}}
{{- define "crm.drain" -}}
{{- $all := default dict .root.Values.config.delivery -}}
{{- $own := default dict (get .root.Values.config.destinations .destination).delivery -}}
{{- default 25 (default $all.drain_seconds $own.drain_seconds) | ceil | int -}}
{{- end -}}

{{/* The drain, 5 s in which the process ends itself if it must, 10 s to spare. */}}
{{- define "crm.grace" -}}
{{- default (add (include "crm.drain" .) 15) .root.Values.terminationGracePeriodSeconds | int -}}
{{- end -}}

{{/* The names of the topics that feed a destination, as the program has them; JSON. */}}
{{- define "crm.topics" -}}
{{- $chosen := get .root.Values.config.destinations .destination -}}
{{- $topics := list -}}
{{- range .root.Values.config.topics -}}
{{- if or (has .name (default list $chosen.topics)) (and (not $chosen.topics) (or (ne $chosen.type "metrica") (ne .entity "event"))) -}}
{{- $topics = append $topics .name -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "names" $topics) -}}
{{- end -}}

{{/* The job that Prometheus gives to the release's series. */}}
{{- define "crm.job" -}}
{{- $pod := printf "%s/%s" .Release.Namespace (include "crm.fullname" .) -}}
{{- default (ternary $pod (include "crm.fullname" .) (eq .Values.monitor.kind "PodMonitor")) .Values.alerts.job -}}
{{- end -}}

{{- define "crm.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
{{- end -}}

{{- define "crm.podSecurity" -}}
{{- toYaml .Values.podSecurityContext }}
runAsNonRoot: true
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "crm.volumes" -}}
- name: config
  configMap: {name: {{ include "crm.fullname" . }}}
{{- if or .Values.secret.existingSecret .Values.secret.tokens }}
- name: secrets
  secret: {secretName: {{ include "crm.secret" . }}, defaultMode: 0440}
{{- end }}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "crm.mounts" -}}
- {name: config, mountPath: /etc/crm-connector, readOnly: true}
{{- if or .Values.secret.existingSecret .Values.secret.tokens }}
- {name: secrets, mountPath: /run/secrets/crm-connector, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "crm.env" -}}
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A container that runs one command of the program and ends. Takes root, name and args. */}}
{{- define "crm.once" -}}
name: {{ .name }}
image: {{ include "crm.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: {{ toJson .args }}
{{- include "crm.env" .root }}
securityContext:
  {{- include "crm.containerSecurity" .root | nindent 2 }}
resources:
  {{- toYaml .root.Values.resources | nindent 2 }}
volumeMounts:
  {{- include "crm.mounts" .root | nindent 2 }}
{{- end -}}

{{/* What every pod has, but for containers and volumes. */}}
{{- define "crm.pod" -}}
serviceAccountName: {{ include "crm.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "crm.podSecurity" . | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
