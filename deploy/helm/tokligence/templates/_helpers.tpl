{{- define "tokligence.name" -}}
{{- printf "%s" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "tokligence.labels" -}}
app.kubernetes.io/name: tokligence
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "tokligence.selector" -}}
app.kubernetes.io/name: tokligence
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tokligence.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "tokligence.secret" -}}
{{ .Values.existingSecret | default (include "tokligence.name" .) }}
{{- end -}}

{{- define "tokligence.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "tokligence.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
