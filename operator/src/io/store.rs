//! Objects of one kind in memory, as the API server last told of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use kube::Resource;
use kube::api::ObjectMeta;
use parking_lot::RwLock;

use crate::controller::scope::{Scope, scope};

/// A kind that a [`Store`] holds.
pub(crate) trait Stored:
    Resource<DynamicType = ()> + Clone + PartialEq + Send + Sync + 'static
{
}

impl<K: Resource<DynamicType = ()> + Clone + PartialEq + Send + Sync + 'static> Stored for K {}

/// What became of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change<K> {
    /// It is new, or differs from `before`.
    Set {
        /// What it was.
        before: Option<Arc<K>>,
        /// What it is.
        after: Arc<K>,
    },
    /// It is gone.
    Gone(Arc<K>),
}

/// Objects of one kind, by namespace and name, and by the resource that they belong to.
pub(crate) struct Store<K> {
    inner: RwLock<Inner<K>>,
}

struct Inner<K> {
    objects: HashMap<String, BTreeMap<String, Arc<K>>>,
    scoped: HashMap<(String, Scope), BTreeMap<String, Arc<K>>>,
    /// What a fresh list told, until it is complete.
    listing: Option<Vec<K>>,
    /// Uids of objects that ended, the latest: the answer to a write may come after the word that its object is gone.
    ended: VecDeque<String>,
}

/// How many ended objects are remembered.
const ENDED: usize = 4096;

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self {
            inner: RwLock::new(Inner {
                objects: HashMap::new(),
                scoped: HashMap::new(),
                listing: None,
                ended: VecDeque::new(),
            }),
        }
    }
}

impl<K: Stored> Store<K> {
    /// One object.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.inner.read().objects.get(namespace)?.get(name).cloned()
    }

    /// Those that belong to a resource, by name.
    pub(crate) fn of(&self, namespace: &str, scope: &Scope) -> Vec<Arc<K>> {
        let key = (namespace.to_owned(), scope.clone());
        let inner = self.inner.read();
        let found = inner.scoped.get(&key);
        found.map_or_else(Vec::new, |found| found.values().cloned().collect())
    }

    /// All of a namespace, by name.
    pub(crate) fn within(&self, namespace: &str) -> Vec<Arc<K>> {
        let inner = self.inner.read();
        let found = inner.objects.get(namespace);
        found.map_or_else(Vec::new, |found| found.values().cloned().collect())
    }

    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        let inner = self.inner.read();
        let all = inner.objects.values().flat_map(BTreeMap::values);
        all.cloned().collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.inner.read().objects.values().map(BTreeMap::len).sum()
    }

    /// An object as it is at this moment. `None` when nothing but its version changed, or when it is older than what
    /// is known.
    pub(crate) fn set(&self, object: K) -> Option<Change<K>> {
        self.inner.write().set(object)
    }

    /// An object is gone.
    pub(crate) fn remove(&self, object: &K) -> Option<Change<K>> {
        let mut inner = self.inner.write();
        if let Some(uid) = object.meta().uid.clone() {
            inner.ended.truncate(ENDED - 1);
            inner.ended.push_front(uid);
        }
        let known = inner.find(object.meta())?;
        // Its successor of the same name is another object.
        if known.meta().uid != object.meta().uid {
            return None;
        }
        inner.forget(&known);
        Some(Change::Gone(known))
    }

    /// A complete list begins.
    pub(crate) fn begin_list(&self) {
        self.inner.write().listing = Some(Vec::new());
    }

    /// One object of it.
    pub(crate) fn list(&self, object: K) {
        let mut inner = self.inner.write();
        inner.listing.get_or_insert_default().push(object);
    }

    /// The list is complete: what is not in it is gone.
    pub(crate) fn end_list(&self) -> Vec<Change<K>> {
        let mut inner = self.inner.write();
        let listed = inner.listing.take().unwrap_or_default();
        let present: std::collections::HashSet<(String, String)> =
            listed.iter().map(|object| place(object.meta())).collect();
        let all = inner.objects.values().flat_map(BTreeMap::values);
        let gone: Vec<Arc<K>> = all
            .filter(|known| !present.contains(&place(known.meta())))
            .cloned()
            .collect();
        let mut changes = Vec::new();
        for known in gone {
            inner.forget(&known);
            changes.push(Change::Gone(known));
        }
        changes.extend(listed.into_iter().filter_map(|object| inner.set(object)));
        changes
    }
}

fn place(meta: &ObjectMeta) -> (String, String) {
    (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

/// Whether `version` comes after `known`. Versions of one kind are numbers that grow.
fn newer(version: Option<&str>, known: Option<&str>) -> bool {
    match (
        version.and_then(|v| v.parse::<u64>().ok()),
        known.and_then(|v| v.parse::<u64>().ok()),
    ) {
        (Some(version), Some(known)) => version > known,
        _ => true,
    }
}

impl<K: Stored> Inner<K> {
    fn find(&self, meta: &ObjectMeta) -> Option<Arc<K>> {
        let (namespace, name) = place(meta);
        self.objects.get(&namespace)?.get(&name).cloned()
    }

    fn set(&mut self, mut object: K) -> Option<Change<K>> {
        let before = self.find(object.meta());
        if let Some(uid) = &object.meta().uid
            && self.ended.contains(uid)
        {
            return None;
        }
        if let Some(known) = &before {
            let version = object.meta().resource_version.clone();
            let known_version = known.meta().resource_version.clone();
            if !newer(version.as_deref(), known_version.as_deref()) {
                return None;
            }
            object.meta_mut().resource_version = known_version;
            let same = object == **known;
            object.meta_mut().resource_version = version;
            self.forget(known);
            if same {
                self.keep(Arc::new(object));
                return None;
            }
        }
        let after = Arc::new(object);
        self.keep(after.clone());
        Some(Change::Set { before, after })
    }

    fn keep(&mut self, object: Arc<K>) {
        let (namespace, name) = place(object.meta());
        if let Some(scope) = scope(object.meta()) {
            let objects = self.scoped.entry((namespace.clone(), scope)).or_default();
            objects.insert(name.clone(), object.clone());
        }
        let objects = self.objects.entry(namespace).or_default();
        objects.insert(name, object);
    }

    fn forget(&mut self, object: &K) {
        let (namespace, name) = place(object.meta());
        if let Some(scope) = scope(object.meta()) {
            let key = (namespace.clone(), scope);
            if let Some(objects) = self.scoped.get_mut(&key) {
                objects.remove(&name);
                if objects.is_empty() {
                    self.scoped.remove(&key);
                }
            }
        }
        if let Some(objects) = self.objects.get_mut(&namespace) {
            objects.remove(&name);
            if objects.is_empty() {
                self.objects.remove(&namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use std::collections::BTreeMap;

    fn map(name: &str, version: u64, text: &str) -> ConfigMap {
        serde_json::from_value(serde_json::json!({
            "metadata": {
                "name": name, "namespace": "meet", "uid": name, "resourceVersion": version.to_string(),
                "labels": {"shoal.video/cluster": "c", "shoal.video/shard": "one"},
            },
            "data": {"text": text},
        }))
        .unwrap()
    }

    fn text(store: &Store<ConfigMap>, name: &str) -> Option<BTreeMap<String, String>> {
        store.get("meet", name).and_then(|map| map.data.clone())
    }

    #[test]
    fn an_older_version_never_replaces_a_newer_one() {
        let store = Store::default();
        store.set(map("a", 5, "new"));
        assert_eq!(store.set(map("a", 4, "old")), None);
        assert_eq!(
            text(&store, "a"),
            Some([("text".into(), "new".into())].into())
        );
    }

    #[test]
    fn a_new_version_of_the_same_content_is_no_change() {
        let store = Store::default();
        assert!(store.set(map("a", 5, "x")).is_some());
        assert_eq!(store.set(map("a", 6, "x")), None);
        let known = store.get("meet", "a").unwrap();
        assert_eq!(known.metadata.resource_version.as_deref(), Some("6"));
    }

    #[test]
    fn what_a_list_does_not_name_is_gone() {
        let store = Store::default();
        store.set(map("a", 5, "x"));
        store.set(map("b", 6, "x"));
        store.begin_list();
        store.list(map("b", 6, "x"));
        store.list(map("c", 7, "x"));
        let changes = store.end_list();
        assert_eq!(changes.len(), 2);
        assert!(
            matches!(&changes[0], Change::Gone(gone) if gone.metadata.name.as_deref() == Some("a"))
        );
        let shard = Scope::Shard("one".into());
        assert_eq!(store.of("meet", &shard).len(), 2);
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn a_late_answer_does_not_bring_back_what_is_gone() {
        let store = Store::default();
        store.set(map("a", 5, "x"));
        store.remove(&map("a", 7, "x"));
        assert_eq!(store.set(map("a", 6, "y")), None);
        assert_eq!(store.len(), 0);
    }

    #[test]
    fn the_end_of_a_predecessor_does_not_remove_its_successor() {
        let store = Store::default();
        let old = map("a", 5, "x");
        let mut new = map("a", 9, "x");
        new.metadata.uid = Some("other".into());
        store.set(old.clone());
        store.set(new);
        assert_eq!(store.remove(&old), None);
        assert!(store.get("meet", "a").is_some());
    }
}
