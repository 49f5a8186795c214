# The two Clusters as they were. What makes them have a Lifeboat is the annotation and the role.

resource "kubernetes_manifest" "pal_e_postgres" {
  manifest = {
    apiVersion = "postgresql.cnpg.io/v1"
    kind       = "Cluster"
    metadata = {
      name        = "pal-e-postgres"
      namespace   = "postgres"
      annotations = { "cnpg.io/podPatch" = module.lifeboat["pal-e-postgres"].pod_patch }
    }
    spec = {
      instances = 1
      imageName = "ghcr.io/cloudnative-pg/postgresql:17"
      storage   = { size = "20Gi", storageClass = "local-path" }
      # Guaranteed, and so the sidecar has a CPU limit, too: `guaranteed` in lifeboat.tf.
      resources = {
        requests = { cpu = "500m", memory = "1Gi" }
        limits   = { cpu = "500m", memory = "1Gi" }
      }
      managed = { roles = [module.lifeboat["pal-e-postgres"].managed_role] }
    }
  }
}

resource "kubernetes_manifest" "woodpecker_db" {
  manifest = {
    apiVersion = "postgresql.cnpg.io/v1"
    kind       = "Cluster"
    metadata = {
      name        = "woodpecker-db"
      namespace   = "woodpecker"
      annotations = { "cnpg.io/podPatch" = module.lifeboat["woodpecker-db"].pod_patch }
    }
    spec = {
      instances = 1
      imageName = "ghcr.io/cloudnative-pg/postgresql:17"
      storage   = { size = "5Gi", storageClass = "local-path" }
      resources = {
        requests = { cpu = "250m", memory = "512Mi" }
        limits   = { memory = "512Mi" }
      }
      managed = { roles = [module.lifeboat["woodpecker-db"].managed_role] }
    }
  }
}
