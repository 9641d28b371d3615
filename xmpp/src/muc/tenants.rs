//! Rooms of tenants. Clients and the focus write `room@muc.TENANT.D`; a Jitsi server keeps the room as `[tenant]room@muc.D`
//! and translates for every session of a client (`muc_domain_mapper`), so that both mean one room.

use crate::BareJid;

/// Where conferences are held: on `muc.D`, and for each tenant on `muc.TENANT.D`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConferenceDomain {
    muc: String,
    /// What stands before and after the tenant; none where the service is not called `PREFIX.D`.
    around_tenant: Option<(String, String)>,
}

impl ConferenceDomain {
    /// The MUC service `muc` of the XMPP domain `domain`.
    pub fn new(muc: &str, domain: &str) -> Self {
        let prefix = muc
            .strip_suffix(domain)
            .filter(|prefix| prefix.len() > 1 && prefix.ends_with('.'));
        Self {
            muc: muc.to_owned(),
            around_tenant: prefix.map(|prefix| (prefix.to_owned(), format!(".{domain}"))),
        }
    }

    /// Whether conference rooms are on this domain.
    pub fn contains(&self, domain: &str) -> bool {
        domain == self.muc || self.tenant(domain).is_some()
    }

    /// The tenant of `muc.TENANT.D`: one label.
    pub fn tenant<'a>(&self, domain: &'a str) -> Option<&'a str> {
        let (before, after) = self.around_tenant.as_ref()?;
        domain
            .strip_prefix(before.as_str())?
            .strip_suffix(after.as_str())
            .filter(|tenant| !tenant.is_empty() && !tenant.contains('.'))
    }

    /// The address under which clients and the focus see a room. `[tenant]room@muc.D` is the only one that is another
    /// way to write one.
    pub fn canonical(&self, room: BareJid) -> BareJid {
        let node = room.node().map_or("", |node| node.as_str());
        let parts = node.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (Some((tenant, name)), Some((before, after))) = (parts, &self.around_tenant) else {
            return room;
        };
        if room.domain().as_str() != self.muc {
            return room;
        }
        match BareJid::new(&format!("{name}@{before}{tenant}{after}")) {
            Ok(other) if self.tenant(other.domain().as_str()).is_some() => other,
            _ => room,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_tenants_room_has_one_address_in_two_forms() {
        let domain = ConferenceDomain::new("muc.meet.shoal", "meet.shoal");
        for (written, canonical) in [
            (
                "[school]maths@muc.meet.shoal",
                "maths@muc.school.meet.shoal",
            ),
            (
                "[School]Maths@muc.Meet.Shoal",
                "maths@muc.school.meet.shoal",
            ),
            ("maths@muc.school.meet.shoal", "maths@muc.school.meet.shoal"),
            ("maths@muc.meet.shoal", "maths@muc.meet.shoal"),
            ("[a.b]maths@muc.meet.shoal", "[a.b]maths@muc.meet.shoal"),
            ("[]maths@muc.meet.shoal", "[]maths@muc.meet.shoal"),
            ("[school]@muc.meet.shoal", "[school]@muc.meet.shoal"),
            ("[school@muc.meet.shoal", "[school@muc.meet.shoal"),
            ("[school]maths@else.where", "[school]maths@else.where"),
        ] {
            let room = domain.canonical(BareJid::new(written).unwrap());
            assert_eq!(room.as_str(), canonical, "{written}");
        }
    }

    #[test]
    fn a_tenant_is_one_label_between_the_service_and_the_domain() {
        let meet = ConferenceDomain::new("muc.meet.shoal", "meet.shoal");
        for (domain, tenant) in [
            ("muc.school.meet.shoal", Some("school")),
            ("muc.meet.shoal", None),
            ("muc.a.b.meet.shoal", None),
            ("other.school.meet.shoal", None),
            ("muc.school.else.where", None),
        ] {
            assert_eq!(meet.tenant(domain), tenant, "{domain}");
        }
        assert!(meet.contains("muc.meet.shoal") && meet.contains("muc.school.meet.shoal"));
        assert!(!meet.contains("meet.shoal"));
    }

    #[test]
    fn a_service_of_another_name_has_no_tenants() {
        for muc in ["rooms.else.where", "xmeet.shoal", ".meet.shoal"] {
            let domain = ConferenceDomain::new(muc, "meet.shoal");
            assert!(
                domain.contains(muc) && !domain.contains("muc.school.meet.shoal"),
                "{muc}"
            );
            let room = BareJid::new("[school]maths@rooms.else.where").unwrap();
            assert_eq!(domain.canonical(room.clone()), room);
        }
    }
}
