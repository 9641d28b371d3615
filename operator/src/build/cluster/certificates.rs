//! Secrets of a cluster: its authority, what browsers see, and what the proxies show each other.

use k8s_openapi::api::core::v1::Secret;

use super::{Context, FRONT_DOOR};
use crate::build::names;
use crate::haproxy::peers::CERTIFICATE_NAME;
use crate::secrets::{self, Authority, Content, Leaf};
use crate::validate::PublicCertificate;

const TLS: &str = "kubernetes.io/tls";

pub(super) fn secrets(context: &Context<'_>) -> Vec<Secret> {
    let cluster = &context.valid.name;
    let now = context.world.now;
    let rotate = context.rotate();
    let secret =
        |name: String, content: &Content| context.origin.secret(name, FRONT_DOOR, TLS, content);

    let name = names::authority(cluster);
    let authority = Authority::secret(context.live_secret(&name), rotate, now);
    let mut all = vec![secret(name, &authority)];

    let name = names::public_certificate(cluster);
    let public = match &context.valid.certificate {
        PublicCertificate::Given { certificate, key } => Content::of_certificate(certificate, key),
        PublicCertificate::SelfSigned => secrets::self_signed(
            context.live_secret(&name),
            Leaf {
                names: std::slice::from_ref(&context.spec().domain),
                now,
                rotate,
            },
        ),
    };
    all.push(secret(name, &public));

    let authority = Authority::of(&authority)
        .expect("invariant: the content of an authority's Secret can be read");
    let name = names::peers(cluster);
    let peers = secrets::leaf(
        context.live_secret(&name),
        &authority,
        Leaf {
            names: &[CERTIFICATE_NAME.to_owned()],
            now,
            rotate,
        },
    );
    all.push(secret(name, &peers));
    all
}
