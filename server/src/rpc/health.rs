//! `grpc.health.v1.Health`: the server's standing, under the empty name and under each service's.

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use vision_batch::v1::{admin_service_server, auth_service_server, batch_service_server};

use crate::service::health::Standing;

/// The names that may be asked for.
const NAMES: [&str; 4] = [
    "",
    auth_service_server::SERVICE_NAME,
    batch_service_server::SERVICE_NAME,
    admin_service_server::SERVICE_NAME,
];

/// Says it once.
pub async fn tell(reporter: &HealthReporter, standing: Standing) {
    let status = match standing {
        Standing::Serving => ServingStatus::Serving,
        Standing::Draining | Standing::DiskFull => ServingStatus::NotServing,
    };
    for name in NAMES {
        reporter.set_service_status(name, status).await;
    }
}

/// Says what `standing` is whenever it changes, until the server drains.
pub async fn follow(reporter: HealthReporter, mut standing: watch::Receiver<Standing>) {
    loop {
        let now = *standing.borrow_and_update();
        tell(&reporter, now).await;
        if now == Standing::Draining || standing.changed().await.is_err() {
            return;
        }
    }
}
