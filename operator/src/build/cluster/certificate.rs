//! cert-manager's Certificate.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::json;

use super::{Context, FRONT_DOOR};
use crate::build::names;
use crate::desired::Desired;

/// The Secret that holds the certificate which the spec asks for.
pub(super) fn secret_name(context: &Context<'_>) -> Option<String> {
    let tls = context.spec().tls.as_ref()?;
    let issued = || names::issued_certificate(&context.valid.name);
    Some(tls.secret_name.clone().unwrap_or_else(issued))
}

/// Asks the issuer that the spec names for a certificate.
pub(super) fn certificate(context: &Context<'_>) -> Option<Desired> {
    let issuer = context.spec().tls.as_ref()?.issuer_ref.as_ref()?;
    let kind = GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate");
    let resource = ApiResource::from_gvk_with_plural(&kind, "certificates");
    let mut object = DynamicObject::new(&context.valid.name, &resource).data(json!({
        "spec": {
            "secretName": secret_name(context),
            "dnsNames": [context.spec().domain],
            "issuerRef": { "group": "cert-manager.io", "kind": issuer.kind, "name": issuer.name },
        },
    }));
    object.metadata = context.origin.meta(context.valid.name.clone(), FRONT_DOOR);
    Some(Desired { resource, object })
}
