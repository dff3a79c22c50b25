# A cluster, a PostgreSQL database and a bucket for ImageFinder's chart: see docs/kubernetes.md.

resource "google_project_service" "needed" {
  for_each = toset([
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "servicenetworking.googleapis.com",
    "sqladmin.googleapis.com",
  ])

  service            = each.value
  disable_on_destroy = false
}

# The database has no address of the internet: the cluster reaches it by a network of their own.

resource "google_compute_network" "network" {
  name                    = var.name
  auto_create_subnetworks = false

  depends_on = [google_project_service.needed]
}

resource "google_compute_subnetwork" "nodes" {
  name                     = var.name
  region                   = var.region
  network                  = google_compute_network.network.id
  ip_cidr_range            = "10.10.0.0/20"
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.20.0.0/16"
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = "10.30.0.0/20"
  }
}

resource "google_compute_global_address" "database" {
  name          = "${var.name}-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.network.id
}

resource "google_service_networking_connection" "database" {
  network                 = google_compute_network.network.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
}

# Autopilot brings nodes as pods need them, holds NetworkPolicies, and lets pods be accounts of the cloud.

resource "google_container_cluster" "cluster" {
  name                = var.name
  location            = var.region
  enable_autopilot    = true
  network             = google_compute_network.network.id
  subnetwork          = google_compute_subnetwork.nodes.id
  deletion_protection = var.deletion_protection

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  release_channel {
    channel = "REGULAR"
  }
}

# Nodes have no address of the internet of their own where a policy of the project says so: images by URL then need NAT.

resource "google_compute_router" "router" {
  name    = var.name
  region  = var.region
  network = google_compute_network.network.id
}

resource "google_compute_router_nat" "nat" {
  name                               = var.name
  region                             = var.region
  router                             = google_compute_router.router.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

resource "google_sql_database_instance" "database" {
  name                = var.name
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = var.deletion_protection

  settings {
    tier              = var.database_tier
    edition           = "ENTERPRISE"
    availability_type = var.highly_available ? "REGIONAL" : "ZONAL"
    disk_type         = "PD_SSD"
    disk_autoresize   = true

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.network.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
    }
  }

  depends_on = [google_service_networking_connection.database]
}

resource "google_sql_database" "photos" {
  name     = "photos"
  instance = google_sql_database_instance.database.name
}

resource "random_password" "database" {
  length  = 32
  special = false
}

resource "random_password" "key" {
  length  = 40
  special = false
}

# A user of Cloud SQL may make the extension vector.

resource "google_sql_user" "imagefinder" {
  name     = "imagefinder"
  instance = google_sql_database_instance.database.name
  password = random_password.database.result
}

resource "google_storage_bucket" "images" {
  name                        = var.bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  depends_on = [google_project_service.needed]
}

# The chart's service account is itself a member, so no key of the cloud is kept anywhere.

data "google_project" "project" {
  depends_on = [google_project_service.needed]
}

resource "google_storage_bucket_iam_member" "pods" {
  bucket = google_storage_bucket.images.name
  role   = "roles/storage.objectUser"
  member = "principal://iam.googleapis.com/projects/${data.google_project.project.number}/locations/global/workloadIdentityPools/${var.project}.svc.id.goog/subject/ns/${var.namespace}/sa/${var.service_account}"

  depends_on = [google_container_cluster.cluster]
}
