{{/* Name of the operator and of what belongs to it. */}}
{{- define "shoal.name" -}}
{{- printf "%s-operator" (.Release.Name | trunc 54 | trimSuffix "-") -}}
{{- end -}}

{{/* The release's part of names that a whole cluster shares. */}}
{{- define "shoal.global" -}}
{{- printf "%s-%s" (include "shoal.name" .) .Release.Namespace -}}
{{- end -}}

{{/* Service of the metrics API; its two Secrets begin with this name. */}}
{{- define "shoal.metricsApi" -}}
{{- printf "%s-metrics-api" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}

{{- define "shoal.account" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "shoal.name" .) -}}
{{- else -}}
{{- required "serviceAccount.name must name an account when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "shoal.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Labels by which the operator's pods are found; they never change. */}}
{{- define "shoal.selector" -}}
app.kubernetes.io/name: shoal
app.kubernetes.io/component: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "shoal.labels" -}}
{{ include "shoal.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Namespace of the JitsiCluster that the release makes. */}}
{{- define "shoal.clusterNamespace" -}}
{{- $watched := .Values.operator.watchNamespace -}}
{{- $namespace := .Values.cluster.namespace | default $watched | default .Release.Namespace -}}
{{- if and $watched (ne $watched $namespace) -}}
{{- fail (printf "cluster.namespace is %s, but the operator only serves operator.watchNamespace, %s: leave one of them out" $namespace $watched) -}}
{{- end -}}
{{- $namespace -}}
{{- end -}}

{{/* Whether the release makes a JitsiCluster: "yes" or nothing. */}}
{{- define "shoal.makesCluster" -}}
{{- if and .Values.cluster.create .Values.cluster.domain -}}yes{{- end -}}
{{- end -}}

{{/* What Pod Security's level `restricted` asks of a container. */}}
{{- define "shoal.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "shoal.restrictedPod" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Of what `helm test` uses. */}}
{{- define "shoal.testLabels" -}}
app.kubernetes.io/name: shoal
app.kubernetes.io/component: test
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
