output "manifests" {
  description = "A Namespace, a ConfigMap and a CronJob, as manifests by name. The Namespace comes before the others."
  value       = local.manifests
}

output "store_secret" {
  description = "The name of the Secret with a key that only lists and reads: its keys are key-id and key."
  value       = "lifeboat-check-store"
}

output "namespace" {
  description = "Where all of it is."
  value       = var.namespace
}
