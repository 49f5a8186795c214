variable "image" {
  description = "Lifeboat's image."
  type        = string
}

variable "store_url" {
  description = "The bucket and the prefix that all instances share."
  type        = string
}

variable "store_endpoint" {
  description = "The S3 server."
  type        = string
}

variable "recipients" {
  description = "Public age keys."
  type        = list(string)
}

variable "own_settings" {
  description = "Whether the ConfigMaps with the settings are made here."
  type        = bool
  default     = false
}

variable "expected" {
  description = "All instances that the store has to hold good backups of, also those that Terraform does not own."
  type        = set(string)
}
