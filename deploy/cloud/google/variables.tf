variable "project" {
  description = "Project of Google Cloud that all of this is made in."
  type        = string
}

variable "region" {
  description = "Region of the cluster, the database and the bucket."
  type        = string
  default     = "europe-west3"
}

variable "name" {
  description = "Names what is made: the network, the cluster, the database."
  type        = string
  default     = "imagefinder"
}

variable "namespace" {
  description = "Namespace of Kubernetes that the chart is installed into."
  type        = string
  default     = "photos"
}

variable "service_account" {
  description = "Name of the chart's service account: serviceAccount.name, or RELEASE-imagefinder."
  type        = string
  default     = "shop-imagefinder"
}

variable "bucket" {
  description = "Name of the bucket for images, which no other bucket in the world has."
  type        = string
}

variable "database_tier" {
  description = "Machine of the database: its memory should hold the vectors, see docs/scaling.md."
  type        = string
  default     = "db-custom-4-16384"
}

variable "highly_available" {
  description = "Keep a second machine of the database in another zone, which is paid for too."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Refuse to remove the cluster and the database; set to false before terraform destroy."
  type        = bool
  default     = true
}
