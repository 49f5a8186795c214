{{- /*
The container, as an element of a list. No readiness and no startup probe: either would take Postgres out of its
Service. The liveness probe asks for nothing but a loop that goes round, and has a grace period of its own.
*/ -}}
{{- define "lifeboat.containerSpec" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
{{- $values := $scope.values -}}
name: lifeboat
image: {{ $scope.image | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
args: [run]
ports:
  - {name: lifeboat, containerPort: 9847, protocol: TCP}
livenessProbe:
  httpGet: {path: /livez, port: lifeboat}
  initialDelaySeconds: 10
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 10
  terminationGracePeriodSeconds: 30
resources:
  requests:
    cpu: {{ $values.resources.cpu | quote }}
    memory: {{ $values.resources.memory | quote }}
  limits:
    {{- if $values.guaranteed }}
    cpu: {{ $values.resources.cpu | quote }}
    {{- end }}
    memory: {{ $values.resources.memory | quote }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - {name: lifeboat-config, mountPath: /etc/lifeboat, readOnly: true}
  - {name: lifeboat-store, mountPath: /run/secrets/store, readOnly: true}
  - {name: lifeboat-postgres, mountPath: /run/secrets/postgres, readOnly: true}
  - {name: {{ $scope.token }}, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
  {{- with $values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* For `containers`, as the last one. It does not hold up Postgres' start, and ends with it. */ -}}
{{- define "lifeboat.container" -}}
- {{ include "lifeboat.containerSpec" . | indent 2 | trim }}
{{- end -}}

{{- /*
For `initContainers`, as the last one (Kubernetes 1.29 and newer). It is there before Postgres and ends after it, so a
preStop hook tells it to let go: an open dump would hold up Postgres' shutdown.
*/ -}}
{{- define "lifeboat.nativeSidecar" -}}
- {{ include "lifeboat.containerSpec" . | indent 2 | trim }}
  restartPolicy: Always
  lifecycle:
    preStop:
      exec: {command: [/usr/bin/lifeboat, drain]}
{{- end -}}

{{- /*
For `volumes`. All that may be missing is optional: without it the sidecar says what it lacks, and Postgres is not held
up. Over the place of the service account's token lies an empty volume, or, with `reporting`, a token that is valid for
an hour and renewed by the kubelet.
*/ -}}
{{- define "lifeboat.volumes" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
- name: lifeboat-config
  configMap:
    name: {{ $scope.config | quote }}
    optional: true
- name: lifeboat-store
  secret:
    secretName: {{ $scope.store | quote }}
    optional: true
    defaultMode: 0444
- name: lifeboat-postgres
  secret:
    secretName: {{ $scope.postgres | quote }}
    optional: true
    defaultMode: 0444
- name: {{ $scope.token }}
  {{- if $scope.reports }}
  projected:
    defaultMode: 0444
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap:
          name: kube-root-ca.crt
          optional: true
          items: [{key: ca.crt, path: ca.crt}]
      - downwardAPI:
          items: [{path: namespace, fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}]
  {{- else }}
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
  {{- end }}
{{- with $scope.values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
