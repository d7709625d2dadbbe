//! Pages of the list of batches among a million, against the same pages among a thousand.

use std::path::Path;
use std::time::Duration;

use tonic::Request;
use vbatch_server::clock::Clock;
use vbatch_server::domain::ids::UserId;
use vbatch_server::store::redb::{DATABASE, RedbStore};
use vbatch_tests::face::Face;
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::world::World;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService as _;

use crate::figure::{Figure, Target, median};
use crate::process;

/// Calls of a round, and rounds.
const CALLS: usize = 1_000;
const ROUNDS: usize = 5;

/// A data directory's batches behind the service.
pub struct Lists {
    face: Face,
    admin: UserId,
    _world: World,
    pages: Vec<(&'static str, v1::ListBatchesRequest)>,
}

impl Lists {
    /// Opens it and finds its middle.
    ///
    /// # Panics
    /// When it does not read.
    pub async fn open(folder: &Path, admin: UserId, count: usize) -> Self {
        let clock = Clock::system();
        let store = RedbStore::open(&folder.join(DATABASE), clock.clone()).unwrap();
        let world = World::asleep_on(store, UpstreamConfig::default(), clock);
        let face = Face::over(&world).await;
        let mut lists = Self {
            face,
            admin,
            _world: world,
            pages: Vec::new(),
        };
        let mut middle = String::new();
        let mut read = 0;
        while read < count / 2 {
            let page = lists
                .ask(v1::ListBatchesRequest {
                    page_size: 200,
                    page_token: middle,
                    ..v1::ListBatchesRequest::default()
                })
                .await;
            read += page.batches.len();
            middle = page.next_page_token;
        }
        let failed = v1::BatchFilter {
            states: vec![v1::batch::State::Failed.into()],
            ..v1::BatchFilter::default()
        };
        lists.pages = vec![
            ("first page", v1::ListBatchesRequest::default()),
            (
                "deep page",
                v1::ListBatchesRequest {
                    page_token: middle,
                    ..v1::ListBatchesRequest::default()
                },
            ),
            (
                "by state",
                v1::ListBatchesRequest {
                    filter: Some(failed),
                    ..v1::ListBatchesRequest::default()
                },
            ),
        ];
        lists
    }

    async fn ask(&self, request: v1::ListBatchesRequest) -> v1::ListBatchesResponse {
        let request: Request<_> = self.face.request(self.admin, request).await;
        let answer = self.face.batches.list_batches(request).await;
        answer.unwrap().into_inner()
    }

    /// Processor time of a round of one page.
    async fn round(&self, page: usize) -> Duration {
        let session = self.face.session(self.admin).await;
        let before = process::thread_time();
        for _ in 0..CALLS {
            let request = vbatch_tests::face::as_sent_in(&session, self.pages[page].1.clone());
            let answer = self.face.batches.list_batches(request).await.unwrap();
            assert_eq!(answer.into_inner().batches.len(), 50);
        }
        process::thread_time() - before
    }
}

/// See the module's page. `many` and `few` are data directories and how many batches they have.
///
/// # Panics
/// When one does not read.
pub fn figures(many: (&Path, UserId, usize), few: (&Path, UserId, usize)) -> Vec<Figure> {
    // One thread, so that its time is all that a call takes.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let many = Lists::open(many.0, many.1, many.2).await;
        let few = Lists::open(few.0, few.1, few.2).await;
        let mut figures = Vec::new();
        for page in 0..3 {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let taken = many.round(page).await.as_secs_f64();
                rounds.push((taken, few.round(page).await.as_secs_f64()));
            }
            let micros = |seconds: Vec<f64>| median(seconds) * 1e6 / CALLS as f64;
            figures.push(
                Figure::ratio(
                    &format!("ListBatches among 1,000,000, {}: CPU", many.pages[page].0),
                    "among 1,000",
                    median(rounds.iter().map(|pair| pair.0 / pair.1).collect()),
                    Target::AtMost(1.3),
                )
                .with(format!(
                    "{:.0} µs, {:.0} µs",
                    micros(rounds.iter().map(|pair| pair.0).collect()),
                    micros(rounds.iter().map(|pair| pair.1).collect())
                )),
            );
        }
        figures
    })
}
