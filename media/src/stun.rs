//! The little that a socket's driver needs of STUN (RFC 8489): whose datagram is this?

/// The username fragment that a STUN binding request is addressed to: what stands before `:`
/// in its USERNAME (RFC 8445 §7.2.2), which is the receiver's own. A worker uses it to find
/// the transport that a datagram from an unknown address belongs to.
///
/// Nothing is verified: only the transport itself, which has the password, can tell whether
/// the request is genuine. Allocates nothing. `None` for anything but a well-formed binding
/// request with a USERNAME.
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    const BINDING_REQUEST: u16 = 0x0001;
    const MAGIC_COOKIE: u32 = 0x2112_A442;
    const USERNAME: u16 = 0x0006;
    let u16_at = |at: usize| -> Option<u16> {
        Some(u16::from_be_bytes(datagram.get(at..at + 2)?.try_into().ok()?))
    };
    let cookie = u32::from_be_bytes(datagram.get(4..8)?.try_into().ok()?);
    let length = usize::from(u16_at(2)?);
    if u16_at(0)? != BINDING_REQUEST || cookie != MAGIC_COOKIE || datagram.len() != 20 + length {
        return None;
    }
    let mut at = 20;
    while at + 4 <= datagram.len() {
        let kind = u16_at(at)?;
        let len = usize::from(u16_at(at + 2)?);
        if kind == USERNAME {
            let name = std::str::from_utf8(datagram.get(at + 4..at + 4 + len)?).ok()?;
            return name.split_once(':').map(|(ours, _)| ours).filter(|ours| !ours.is_empty());
        }
        at += 4 + len.next_multiple_of(4);
    }
    None
}
