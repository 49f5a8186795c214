{{- /* Lets Prometheus, by its operator, read the metrics of every Lifeboat in this namespace. Once in a namespace. */ -}}
{{- define "lifeboat.podMonitor" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ $scope.values.name | quote }}
  labels:
    {{- include "lifeboat.monitoringLabels" . | nindent 4 }}
spec:
  # Every pod that has a port of this name: the sidecar puts no label on a pod that it is added to.
  selector: {}
  podMetricsEndpoints:
    - port: lifeboat
      path: /metrics
      interval: 60s
      scrapeTimeout: 15s
{{- end -}}

{{- /* Alert rules for all Lifeboats of a cluster, and for a Postgres without one. Once in a cluster. */ -}}
{{- define "lifeboat.prometheusRule" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
{{- $rules := include "lifeboat.file" (dict "of" . "name" "files/rules.yaml") | fromYaml -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ $scope.values.name | quote }}
  labels:
    {{- include "lifeboat.monitoringLabels" . | nindent 4 }}
spec:
  {{- toYaml $rules.spec | nindent 2 }}
{{- end -}}

{{- /* A dashboard, in the form that Grafana's sidecar picks up. Once in a cluster. */ -}}
{{- define "lifeboat.dashboard" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $scope.values.name }}-dashboard
  labels:
    {{- include "lifeboat.labels" . | nindent 4 }}
    grafana_dashboard: "1"
data:
  dashboard.json: {{ include "lifeboat.file" (dict "of" . "name" "files/dashboard.json") | toJson }}
{{- end -}}

{{- define "lifeboat.monitoringLabels" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
{{ include "lifeboat.labels" . }}
{{- with $scope.values.monitoringLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* A file of the library, which its parent knows as one of its subcharts. */ -}}
{{- define "lifeboat.file" -}}
{{- $root := .of -}}
{{- $as := "lifeboat" -}}
{{- if hasKey .of "root" -}}
  {{- $root = .of.root -}}
  {{- $as = .of.as | default $as -}}
{{- end -}}
{{- (index $root.Subcharts $as).Files.Get .name -}}
{{- end -}}
