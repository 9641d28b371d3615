//! Whether a user may: the API server is asked (SubjectAccessReview), and the answer is remembered for a moment.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::metrics_api::caller::User;
use crate::metrics_api::refusal::Refusal;
use crate::metrics_api::request::Query;
use crate::metrics_api::{GROUP, VERSION};

/// How long an answer holds.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How many answers are remembered.
const MOST: usize = 1024;

type Question = (User, String);

/// Whether users may.
pub(crate) struct Access {
    api: Api<SubjectAccessReview>,
    known: Mutex<HashMap<Question, (bool, Instant)>>,
}

impl Access {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            api: Api::all(client),
            known: Mutex::default(),
        }
    }

    /// Refuses what the user may not.
    pub(crate) async fn check(&self, user: User, path: &str, query: &Query) -> Result<(), Refusal> {
        let question = (user, path.to_owned());
        let known = self.known.lock().get(&question).copied();
        let allowed = match known {
            Some((allowed, until)) if Instant::now() < until => allowed,
            _ => {
                let allowed = self.ask(&question.0, query).await?;
                self.remember(question.clone(), allowed);
                allowed
            }
        };
        if allowed {
            return Ok(());
        }
        let User { name, .. } = question.0;
        Err(Refusal::forbidden(format!("{name} may not get {path}")))
    }

    fn remember(&self, question: Question, allowed: bool) {
        let now = Instant::now();
        let mut known = self.known.lock();
        if known.len() >= MOST {
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(question, (allowed, now + REMEMBERED));
    }

    async fn ask(&self, user: &User, query: &Query) -> Result<bool, Refusal> {
        let spec = SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            uid: user.uid.clone(),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()),
            resource_attributes: Some(ResourceAttributes {
                verb: Some("get".into()),
                group: Some(GROUP.into()),
                version: Some(VERSION.into()),
                resource: Some("pods".into()),
                subresource: Some(query.metric.name().into()),
                namespace: Some(query.namespace.clone()),
                name: Some(query.pods.name().into()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview {
            spec,
            ..SubjectAccessReview::default()
        };
        let answer = self.api.create(&PostParams::default(), &review).await;
        match answer {
            Ok(review) => Ok(review.status.is_some_and(|status| status.allowed)),
            Err(error) => {
                tracing::warn!(%error, "cannot ask whether a user may read metrics (the operator's account needs create of subjectaccessreviews.authorization.k8s.io)");
                Err(Refusal::unavailable(format!(
                    "the API server does not say whether {} may: {error}",
                    user.name
                )))
            }
        }
    }
}
