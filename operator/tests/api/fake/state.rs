//! The objects, their history, and what each verb does to them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::merge::{forget, merge};
use super::request::{Target, Verb};

/// Resources by kind.
const KINDS: [(&str, &str); 19] = [
    ("JitsiCluster", "jitsiclusters"),
    ("JitsiShard", "jitsishards"),
    ("BridgePool", "bridgepools"),
    ("Pod", "pods"),
    ("Node", "nodes"),
    ("Secret", "secrets"),
    ("Service", "services"),
    ("ConfigMap", "configmaps"),
    ("StatefulSet", "statefulsets"),
    ("Deployment", "deployments"),
    ("PodDisruptionBudget", "poddisruptionbudgets"),
    ("NetworkPolicy", "networkpolicies"),
    ("HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ("Ingress", "ingresses"),
    ("Lease", "leases"),
    ("Event", "events"),
    ("HTTPRoute", "httproutes"),
    ("Certificate", "certificates"),
    ("Namespace", "namespaces"),
];

/// Resource, namespace, name.
pub(super) type Place = (String, String, String);

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
}

impl Failure {
    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self {
            code: 404,
            reason: "NotFound",
            message: what.into(),
        }
    }

    fn conflict(what: impl Into<String>) -> Self {
        Self {
            code: 409,
            reason: "Conflict",
            message: what.into(),
        }
    }
}

struct Event {
    version: u64,
    place: Place,
    kind: &'static str,
    object: Value,
}

/// Everything that the server knows.
#[derive(Default)]
pub(crate) struct State {
    version: u64,
    objects: BTreeMap<Place, Value>,
    applied: BTreeMap<Place, Value>,
    history: Vec<Event>,
    writes: Vec<String>,
    uids: u64,
    /// Answers the next writes of an object with a failure.
    pub refusals: BTreeMap<String, Failure>,
    /// `api version` of optional APIs that are there, with their kinds.
    pub optional: BTreeMap<String, Vec<&'static str>>,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn resource_of(kind: &str) -> &'static str {
    KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map(|(_, resource)| *resource)
        .expect("invariant: the fake knows the kind")
}

impl State {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// `verb resource/name` of each write of the operator since the last call.
    pub(crate) fn take_writes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.writes)
    }

    pub(crate) fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects
            .get(&(resource.into(), namespace.into(), name.into()))
    }

    /// Names of all objects, as `resource/name`.
    pub(crate) fn names(&self) -> Vec<String> {
        let all = self.objects.keys();
        all.map(|(resource, _, name)| format!("{resource}/{name}"))
            .collect()
    }

    pub(crate) fn all(&self, resource: &str) -> Vec<Value> {
        let all = self.objects.iter();
        all.filter(|((kind, ..), _)| kind == resource)
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Makes or changes an object, as a person or a controller of Kubernetes does.
    pub(crate) fn put(&mut self, object: Value) {
        let place = (
            resource_of(text(&object, "/kind")).to_owned(),
            text(&object, "/metadata/namespace").to_owned(),
            text(&object, "/metadata/name").to_owned(),
        );
        let mut whole = self.objects.get(&place).cloned().unwrap_or(Value::Null);
        merge(&mut whole, &object);
        self.store(place, whole);
    }

    /// Deletes an object as a person does.
    pub(crate) fn delete(&mut self, resource: &str, namespace: &str, name: &str) {
        let place = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        let Some(mut object) = self.objects.get(&place).cloned() else {
            return;
        };
        let held = object
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array)
            .is_some_and(|all| !all.is_empty());
        if held {
            object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            self.store(place, object);
        } else {
            self.remove(&place, true);
        }
    }

    fn remove(&mut self, place: &Place, cascade: bool) {
        let Some(mut object) = self.objects.remove(place) else {
            return;
        };
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.applied.remove(place);
        let uid = text(&object, "/metadata/uid").to_owned();
        self.history.push(Event {
            version: self.version,
            place: place.clone(),
            kind: "DELETED",
            object,
        });
        if !cascade {
            return;
        }
        let owned = |object: &Value| {
            let owners = object
                .pointer("/metadata/ownerReferences")
                .and_then(Value::as_array);
            owners.is_some_and(|all| all.iter().any(|one| one["uid"] == uid.as_str()))
        };
        let orphans: Vec<Place> = self
            .objects
            .iter()
            .filter(|(_, object)| owned(object))
            .map(|(place, _)| place.clone())
            .collect();
        for orphan in orphans {
            self.remove(&orphan, true);
        }
    }

    fn store(&mut self, place: Place, mut object: Value) -> Value {
        let before = self.objects.get(&place);
        let meta = &mut object["metadata"];
        meta["namespace"] = place.1.clone().into();
        meta["name"] = place.2.clone().into();
        match before {
            None => {
                self.uids += 1;
                meta["uid"] = format!("uid-{}", self.uids).into();
                meta["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
                meta["generation"] = 1.into();
            }
            Some(before) => {
                for key in ["uid", "creationTimestamp", "resourceVersion", "generation"] {
                    meta[key] = before["metadata"][key].clone();
                }
                let generation = before["metadata"]["generation"].as_i64().unwrap_or(1);
                if before.get("spec") != object.get("spec") {
                    object["metadata"]["generation"] = (generation + 1).into();
                }
                if *before == object {
                    return object;
                }
            }
        }
        let kind = if before.is_some() {
            "MODIFIED"
        } else {
            "ADDED"
        };
        let ends = object.pointer("/metadata/deletionTimestamp").is_some()
            && object
                .pointer("/metadata/finalizers")
                .and_then(Value::as_array)
                .is_none_or(Vec::is_empty);
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.objects.insert(place.clone(), object.clone());
        self.history.push(Event {
            version: self.version,
            place: place.clone(),
            kind,
            object: object.clone(),
        });
        if ends {
            self.remove(&place, true);
        }
        object
    }

    /// What the operator asks for.
    pub(crate) fn handle(
        &mut self,
        target: &Target,
        verb: Verb,
        body: Value,
    ) -> Result<Value, Failure> {
        let name = target
            .name
            .clone()
            .unwrap_or_else(|| text(&body, "/metadata/name").to_owned());
        let place = (
            target.resource.clone(),
            target.namespace.clone().unwrap_or_default(),
            name.clone(),
        );
        let known = || Failure::missing(format!("{}/{name} not found", target.resource));
        if !matches!(verb, Verb::Get | Verb::List | Verb::Watch | Verb::Discover) {
            // A lease is renewed for ever.
            if target.resource != "leases" {
                let part = if target.status { " status" } else { "" };
                self.writes
                    .push(format!("{verb:?}{part} {}/{name}", target.resource));
            }
            if let Some(failure) = self.refusals.remove(&format!("{}/{name}", target.resource)) {
                return Err(failure);
            }
        }
        match verb {
            Verb::Watch => Err(Failure::missing("watches are streams")),
            Verb::Discover => {
                let kinds = self.optional.get(&target.api_version);
                let kinds = kinds.ok_or_else(|| Failure::missing("no such API"))?;
                let list = kinds.iter().map(|kind| {
                    json!({"name": resource_of(kind), "kind": kind, "namespaced": true, "singularName": "", "verbs": []})
                });
                let list: Vec<Value> = list.collect();
                Ok(
                    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": target.api_version, "resources": list}),
                )
            }
            Verb::Get => self.objects.get(&place).cloned().ok_or_else(known),
            Verb::List => {
                let found = self
                    .objects
                    .iter()
                    .filter(|(place, object)| fits(target, place, object));
                let items: Vec<Value> = found.map(|(_, object)| object.clone()).collect();
                Ok(json!({"kind": "List", "apiVersion": target.api_version,
                    "metadata": {"resourceVersion": self.version.to_string()}, "items": items}))
            }
            Verb::Create => {
                if self.objects.contains_key(&place) {
                    return Err(Failure {
                        reason: "AlreadyExists",
                        ..Failure::conflict("exists")
                    });
                }
                Ok(self.store(place, body))
            }
            Verb::Replace => {
                let live = self.objects.get(&place).ok_or_else(known)?;
                if body["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"] {
                    return Err(Failure::conflict("the object has been modified"));
                }
                Ok(self.store(place, body))
            }
            Verb::Apply => {
                let mut whole = self
                    .objects
                    .get(&place)
                    .cloned()
                    .unwrap_or_else(|| json!({}));
                if let Some(before) = self.applied.get(&place) {
                    forget(&mut whole, before, &body);
                }
                merge(&mut whole, &body);
                self.applied.insert(place.clone(), body);
                Ok(self.store(place, whole))
            }
            Verb::Merge => {
                let mut whole = self.objects.get(&place).cloned().ok_or_else(known)?;
                let version = &body["metadata"]["resourceVersion"];
                if !version.is_null() && *version != whole["metadata"]["resourceVersion"] {
                    return Err(Failure::conflict("the object has been modified"));
                }
                if target.status {
                    merge(&mut whole["status"], &body["status"]);
                } else {
                    merge(&mut whole, &body);
                }
                Ok(self.store(place, whole))
            }
            Verb::Delete => {
                if !self.objects.contains_key(&place) {
                    return Err(known());
                }
                if body["propagationPolicy"] == "Orphan" {
                    self.remove(&place, false);
                } else {
                    self.delete(&place.0, &place.1, &place.2);
                }
                Ok(json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
            }
        }
    }

    /// The lines of a watch after its version, and the version that they end with.
    pub(crate) fn events_since(&self, target: &Target) -> (String, u64) {
        let first = self
            .history
            .partition_point(|event| event.version <= target.since);
        let mut lines = String::new();
        for event in &self.history[first..] {
            if fits(target, &event.place, &event.object) {
                let line = json!({"type": event.kind, "object": event.object});
                lines.push_str(&line.to_string());
                lines.push('\n');
            }
        }
        (lines, self.version.max(target.since))
    }
}

fn fits(target: &Target, (resource, namespace, name): &Place, object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    *resource == target.resource
        && target
            .namespace
            .as_ref()
            .is_none_or(|wanted| wanted == namespace)
        && target
            .labels
            .iter()
            .all(|(key, value)| labels[key] == value.as_str())
        && target
            .fields
            .iter()
            .all(|(key, value)| key != "metadata.name" || value == name)
}
