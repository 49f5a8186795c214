{{- /*
Lifeboat in a Deployment of its own, which reaches Postgres by its Service: what happens to Lifeboat's pod never touches
Postgres' pod. The settings name the Service: `settings.postgres.uri: postgresql://lifeboat@postgres/postgres`.
*/ -}}
{{- define "lifeboat.deployment" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
{{- $name := $scope.values.name -}}
{{- /* The alert for a Postgres without a Lifeboat knows such a Deployment by its name. */ -}}
{{- if not (regexMatch "^(.+-)?lifeboat(-.+)?$" $name) }}{{ $name = printf "%s-lifeboat" $name }}{{ end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels:
    {{- include "lifeboat.labels" . | nindent 4 }}
spec:
  replicas: 1
  # Never two at once. (They would take turns; but one is enough.)
  strategy: {type: Recreate}
  selector:
    matchLabels: {app.kubernetes.io/name: lifeboat, app.kubernetes.io/instance: {{ $name }}}
  template:
    metadata:
      labels: {app.kubernetes.io/name: lifeboat, app.kubernetes.io/instance: {{ $name }}}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 30
      {{- if $scope.reports }}
      serviceAccountName: {{ $scope.values.reporting.serviceAccount | quote }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile: {type: RuntimeDefault}
      containers:
        {{- include "lifeboat.container" . | nindent 8 }}
      volumes:
        {{- include "lifeboat.volumes" . | nindent 8 }}
{{- end -}}
