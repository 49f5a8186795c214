{{- /*
For a CloudNativePG Cluster: the value of its annotation cnpg.io/podPatch, a JSON Patch of every instance's pod. All is
appended, so that the sidecar is the last of the init containers: whatever stood behind it would wait for it.

    metadata:
      annotations:
        cnpg.io/podPatch: {{ include "lifeboat.podPatch" . | quote }}

A Cluster has room for one such annotation. What it needs besides goes into `morePatches`.
*/ -}}
{{- define "lifeboat.podPatch" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
{{- if $scope.values.reporting.condition -}}
  {{- fail "lifeboat: reporting.condition is not for CloudNativePG: its right would let the sidecar change the label that says which pod is the primary" -}}
{{- end -}}
{{- $patches := list -}}
{{- range include "lifeboat.volumes" . | fromYamlArray -}}
  {{- $patches = append $patches (dict "op" "add" "path" "/spec/volumes/-" "value" .) -}}
{{- end -}}
{{- range include "lifeboat.nativeSidecar" . | fromYamlArray -}}
  {{- $patches = append $patches (dict "op" "add" "path" "/spec/initContainers/-" "value" .) -}}
{{- end -}}
{{- concat $patches $scope.values.morePatches | toJson -}}
{{- end -}}

{{- /*
The role, as an element of the Cluster's spec.managed.roles. Its Secret is of type kubernetes.io/basic-auth, with the
label cnpg.io/reload: "true", and holds `username` (lifeboat) and `password`.
*/ -}}
{{- define "lifeboat.managedRole" -}}
{{- $scope := include "lifeboat.scope" . | fromJson -}}
- name: lifeboat
  ensure: present
  comment: reads everything for backups
  login: true
  superuser: false
  createdb: false
  createrole: false
  replication: false
  bypassrls: true
  connectionLimit: 8
  inRoles: [pg_read_all_data, pg_read_all_settings]
  passwordSecret:
    name: {{ $scope.postgres | quote }}
{{- end -}}
