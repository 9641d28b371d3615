{{/* What the operator does in the namespaces that it serves. */}}
{{- define "shoal.rules" -}}
# The three resources: read, given their finalizer, and made once (cluster.domain).
- apiGroups: [shoal.video]
  resources: [jitsiclusters, jitsishards, bridgepools]
  verbs: [get, list, watch, patch]
{{- if include "shoal.makesCluster" . }}
- apiGroups: [shoal.video]
  resources: [jitsiclusters]
  verbs: [create]
{{- end }}
- apiGroups: [shoal.video]
  resources: [jitsiclusters/status, jitsishards/status, bridgepools/status]
  verbs: [patch]
# Owner references that block the owner's deletion need this where the API server enforces it.
- apiGroups: [shoal.video]
  resources: [jitsiclusters/finalizers, jitsishards/finalizers, bridgepools/finalizers]
  verbs: [update]
# What it makes of them.
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
# Secrets go with the resource that owns them, and are never deleted by the operator.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [statefulsets, deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, create, patch, delete]
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, create, patch, delete]
# Pods are Kubernetes' own work; they are watched, and annotated so that the kubelet mounts a changed file at once. A bridge
# that has drained for an update is deleted, and made anew.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
# What it tells; and what the StatefulSet controller tells of pods that a quota or a policy forbids, which stands nowhere else.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- end -}}
