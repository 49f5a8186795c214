{{- /*
What every template of this library begins with. Its argument is the chart's own context:

    include "lifeboat.container" .

or, for a second instance that the chart has under another alias:

    include "lifeboat.container" (dict "root" . "as" "lifeboat-archive")

As JSON, because a template returns nothing but text: the values, and the names that follow from them.
*/ -}}
{{- define "lifeboat.scope" -}}
  {{- $root := . -}}
  {{- $as := "lifeboat" -}}
  {{- if hasKey . "root" -}}
    {{- $root = .root -}}
    {{- $as = .as | default $as -}}
  {{- end -}}
  {{- if not (hasKey $root.Subcharts $as) -}}
    {{- fail (printf "the chart has no dependency that is called %s, by name or alias: add it to Chart.yaml, and run helm dependency update" $as) -}}
  {{- end -}}
  {{- $library := index $root.Subcharts $as -}}
  {{- $values := index $root.Values $as -}}
  {{- $image := $values.image.repository -}}
  {{- $image = printf "%s:%s" $image ($values.image.tag | default $library.Chart.AppVersion) -}}
  {{- with $values.image.digest -}}{{- $image = printf "%s@%s" $image . -}}{{- end -}}
  {{- $reporting := $values.reporting -}}
  {{- $reports := not (not (or $reporting.configmap $reporting.events $reporting.condition)) -}}
  {{- dict
        "values" $values
        "reports" $reports
        "token" (ternary "lifeboat-token" "lifeboat-no-token" $reports)
        "status" (printf "%s-status" $values.name)
        "image" $image
        "namespace" $root.Release.Namespace
        "app" ($values.app | default $root.Release.Name)
        "config" (printf "%s-config" $values.name)
        "store" ($values.secrets.store | default (printf "%s-store" $values.name))
        "postgres" ($values.secrets.postgres | default (printf "%s-postgres" $values.name))
      | toJson -}}
{{- end -}}

{{- define "lifeboat.labels" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
app.kubernetes.io/name: lifeboat
app.kubernetes.io/part-of: {{ $scope.app | quote }}
{{- end -}}
