{{- /* What `reporting` needs: nothing where nothing is reported. A template of its own in a chart; several objects. */ -}}
{{- define "lifeboat.rbac" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
{{- $reporting := $scope.values.reporting -}}
{{- $rights := list -}}
{{- if $reporting.configmap -}}
  {{- $rights = append $rights (dict "name" "configmap" "rule" (dict "apiGroups" (list "") "resources" (list "configmaps")
        "resourceNames" (list $scope.status) "verbs" (list "patch"))) }}
---
# Without data, so that whoever applies this owns none of it and takes nothing back. It is here because `create` cannot be
# limited to a name.
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $scope.status }}
  labels:
    {{- include "lifeboat.labels" . | nindent 4 }}
{{- end -}}
{{- if $reporting.events -}}
  {{- $rights = append $rights (dict "name" "events" "rule" (dict "apiGroups" (list "events.k8s.io")
        "resources" (list "events") "verbs" (list "create" "patch"))) -}}
{{- end -}}
{{- if $reporting.condition -}}
  {{- $rule := dict "apiGroups" (list "") "resources" (list "pods/status") "verbs" (list "patch") -}}
  {{- with $reporting.pods -}}{{- $rule = set $rule "resourceNames" . -}}{{- end -}}
  {{- $rights = append $rights (dict "name" "condition" "rule" $rule) -}}
{{- end -}}
{{- range $rights }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $scope.values.name }}-{{ .name }}
  labels:
    {{- include "lifeboat.labels" $ | nindent 4 }}
rules:
  - {{ toYaml .rule | indent 4 | trim }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $scope.values.name }}-{{ .name }}
  labels:
    {{- include "lifeboat.labels" $ | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $scope.values.name }}-{{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ $reporting.serviceAccount | quote }}
    namespace: {{ $scope.namespace }}
{{- end -}}
{{- end -}}
