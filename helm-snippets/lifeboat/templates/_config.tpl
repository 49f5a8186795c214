{{- /*
Settings as TOML, a table after the other. Helm's own toToml writes every whole number with a point (`keep_days = 30.0`),
which is another type. JSON's texts, numbers and truths are TOML's, too, but for DEL, which TOML wants escaped.
*/ -}}
{{- define "lifeboat.toml" -}}
{{- range $table, $keys := . }}
{{- if $keys }}
[{{ include "lifeboat.tomlKey" $table }}]
{{- range $key, $value := $keys }}
{{- if not (kindIs "invalid" $value) }}
{{ include "lifeboat.tomlKey" $key }} = {{ include "lifeboat.tomlValue" $value }}
{{- end }}
{{- end }}
{{ end }}
{{- end }}
{{- end -}}

{{- define "lifeboat.tomlKey" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . -}}{{ . }}{{- else -}}{{ include "lifeboat.tomlValue" . }}{{- end -}}
{{- end -}}

{{- define "lifeboat.tomlValue" -}}
{{- if kindIs "map" . -}}
  {{- $pairs := list -}}
  {{- range $key, $value := . -}}
    {{- $pairs = append $pairs (printf "%s = %s" (include "lifeboat.tomlKey" $key) (include "lifeboat.tomlValue" $value)) -}}
  {{- end -}}
  { {{- join ", " $pairs | printf " %s " -}} }
{{- else if kindIs "slice" . -}}
  {{- $elements := list -}}
  {{- range . -}}
    {{- $elements = append $elements (include "lifeboat.tomlValue" .) -}}
  {{- end -}}
  [{{ join ", " $elements }}]
{{- else -}}
  {{- toJson . | replace "\x7f" "\\u007f" -}}
{{- end -}}
{{- end -}}

{{- /*
The ConfigMap. The sidecar takes up a change of it by itself, within about a minute. So put no checksum of it into the
pod's annotations, as charts often do: it would restart Postgres on each edit.
*/ -}}
{{- define "lifeboat.configMap" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $scope.config }}
  labels:
    {{- include "lifeboat.labels" . | nindent 4 }}
data:
  {{- $settings := $scope.values.settings }}
  {{- if $scope.reports }}
  {{- $kubernetes := dict "events" $scope.values.reporting.events "condition" $scope.values.reporting.condition }}
  {{- if $scope.values.reporting.configmap }}{{ $kubernetes = set $kubernetes "configmap" $scope.status }}{{ end }}
  {{- $settings = set $settings "kubernetes" $kubernetes }}
  {{- end }}
  {{- $config := $scope.values.config | default (include "lifeboat.toml" $settings) }}
  {{- dict "lifeboat.toml" (printf "%s\n" (trim $config)) | toYaml | nindent 2 }}
{{- end -}}
