//! Fills a store from the API server, and keeps it true.

use std::fmt::Debug;
use std::sync::Arc;

use futures_util::StreamExt;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::store::{Change, Store, Stored};

/// Follows one kind until the task is dropped. Each object is trimmed before it is kept; `listed` is set when the first
/// list is complete.
pub(crate) async fn follow<K>(
    api: Api<K>,
    config: watcher::Config,
    store: Arc<Store<K>>,
    trim: fn(&mut K),
    mut tell: impl FnMut(&Change<K>),
    listed: watch::Sender<bool>,
) where
    K: Stored + DeserializeOwned + Debug,
{
    let kind = K::kind(&());
    let mut events = watcher(api, config).default_backoff().boxed();
    let mut last_error = String::new();
    while let Some(event) = events.next().await {
        let cut = |mut object: K| {
            object.meta_mut().managed_fields = None;
            trim(&mut object);
            object
        };
        match event {
            Ok(watcher::Event::Apply(object)) => {
                if let Some(change) = store.set(cut(object)) {
                    tell(&change);
                }
            }
            Ok(watcher::Event::Delete(object)) => {
                if let Some(change) = store.remove(&object) {
                    tell(&change);
                }
            }
            Ok(watcher::Event::Init) => store.begin_list(),
            Ok(watcher::Event::InitApply(object)) => store.list(cut(object)),
            Ok(watcher::Event::InitDone) => {
                for change in store.end_list() {
                    tell(&change);
                }
                listed.send_replace(true);
                if !last_error.is_empty() {
                    tracing::info!(%kind, "the API server lists and watches again");
                    last_error.clear();
                }
            }
            Err(error) => {
                let text = error.to_string();
                if text != last_error {
                    tracing::warn!(%kind, %error, "cannot list or watch; trying on (are the shoal.video CRDs installed, and may the operator read this kind?)");
                    last_error = text;
                }
            }
        }
    }
}
