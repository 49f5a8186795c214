variable "instance" {
  description = "What the backups of this server are called in the store. Every server has a name of its own."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,62}$", var.instance))
    error_message = "An instance is named by up to 63 lower-case letters, digits and hyphens, a letter or digit first."
  }
}

variable "namespace" {
  description = "Where the Cluster is."
  type        = string
}

variable "image" {
  description = "Lifeboat's image, by tag, better by digest."
  type        = string

  validation {
    condition     = can(regex("(:[^:/@]+|@sha256:[0-9a-f]{64})$", var.image)) && !can(regex(":latest$", var.image))
    error_message = "The image needs a tag or a digest, and latest is none: a restart could bring another version."
  }
}

variable "name" {
  description = "What the names of the ConfigMap and of the Secrets begin with."
  type        = string
  default     = "lifeboat"
}

variable "store_url" {
  description = "The bucket and the prefix that all instances share, as s3://BUCKET/PREFIX. The instance's own part of it is PREFIX/INSTANCE/."
  type        = string
}

variable "store_endpoint" {
  description = "The S3 server, as https://HOST."
  type        = string
}

variable "store_expires_after" {
  description = "The age at which the bucket's own rule deletes a manifest."
  type        = string
  default     = "60d"
}

variable "recipients" {
  description = "Public age keys. Two are recommended, one of them kept offline."
  type        = list(string)

  validation {
    condition     = length(var.recipients) > 0 && alltrue([for key in var.recipients : startswith(key, "age1")])
    error_message = "At least one public key, which begins with age1; never a secret one."
  }
}

variable "keep_days" {
  description = "For how many days every backup is kept."
  type        = number
  default     = 30
}

variable "more_settings" {
  description = "Further lines of lifeboat.toml, tables and all; but none of the tables that are written already."
  type        = string
  default     = ""
}

variable "cpu" {
  description = "How much CPU to request."
  type        = string
  default     = "100m"
}

variable "memory" {
  description = "How much memory to request, which is also the limit."
  type        = string
  default     = "256Mi"
}

variable "guaranteed" {
  description = "Whether the Cluster's own resources have limits equal to their requests: then the pod stays Guaranteed."
  type        = bool
  default     = false
}

variable "more_patches" {
  description = "Operations of a JSON Patch that the Cluster needs besides: it has room for one annotation of this kind."
  type        = any
  default     = []
}
