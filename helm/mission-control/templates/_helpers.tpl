{{/* The release's name for things: the chart's own name is not repeated. */}}
{{- define "mission-control.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mission-control.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: mission-control
{{ include "mission-control.selector" . }}
{{- end -}}

{{/* What never changes in the life of a release. A role adds app.kubernetes.io/component. */}}
{{- define "mission-control.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mission-control.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "mission-control.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "mission-control.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{/* One variable out of the Secret: dict "name" "key" "root". Nothing where the key is empty. */}}
{{- define "mission-control.secretVariable" -}}
{{- if .key }}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .root.Values.secret.name }}
      key: {{ .key }}
{{- end }}
{{- end -}}

{{/* What `migrate` and every role need to reach the database and the broker. */}}
{{- define "mission-control.stores" -}}
{{- include "mission-control.secretVariable" (dict "root" . "name" "MC_DATABASE_URL" "key" .Values.secret.keys.databaseUrl) }}
{{- include "mission-control.secretVariable" (dict "root" . "name" "MC_AMQP_URL" "key" .Values.secret.keys.amqpUrl) }}
{{- end -}}

{{/* Where every role is. The edge is nobody's peer. */}}
{{- define "mission-control.peers" -}}
{{- $root := . -}}
{{- range $role := keys .Values.roles | sortAlpha }}
{{- if ne $role "api-edge" }}
- name: MC_PEER_{{ $role | upper | replace "-" "_" }}
  value: http://{{ include "mission-control.fullname" $root }}-{{ $role }}:50051
{{- end }}
{{- end }}
{{- end -}}

{{- define "mission-control.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "mission-control.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
