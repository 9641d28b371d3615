//! The data channel establishment protocol (RFC 8832 §5).

const ACK: u8 = 0x02;
const OPEN: u8 = 0x03;
/// Length of a DATA_CHANNEL_OPEN without label and protocol, in bytes.
const OPEN_HEADER: usize = 12;

/// A message of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dcep {
    Open { label: String, protocol: String },
    Ack,
}

impl Dcep {
    /// `None` when it is malformed or of a type that the RFC does not know.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        match *message.first()? {
            ACK => Some(Self::Ack),
            OPEN => {
                let header: &[u8; OPEN_HEADER] = message.first_chunk()?;
                let label_len = usize::from(u16::from_be_bytes([header[8], header[9]]));
                let protocol_len = usize::from(u16::from_be_bytes([header[10], header[11]]));
                let texts = &message[OPEN_HEADER..];
                if texts.len() != label_len + protocol_len {
                    return None;
                }
                let (label, protocol) = texts.split_at(label_len);
                Some(Self::Open {
                    label: String::from_utf8(label.to_vec()).ok()?,
                    protocol: String::from_utf8(protocol.to_vec()).ok()?,
                })
            }
            _ => None,
        }
    }

    /// A reliable, ordered channel of normal priority. Texts are cut at 65,535 bytes.
    pub(super) fn write(&self) -> Vec<u8> {
        match self {
            Self::Ack => vec![ACK],
            Self::Open { label, protocol } => {
                let cut = |text: &str| text.as_bytes()[..text.len().min(0xffff)].to_vec();
                let (label, protocol) = (cut(label), cut(protocol));
                let mut message = vec![OPEN, 0, 1, 0, 0, 0, 0, 0];
                message.extend((label.len() as u16).to_be_bytes());
                message.extend((protocol.len() as u16).to_be_bytes());
                message.extend(label);
                message.extend(protocol);
                message
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire_and_cut_ones_are_refused() {
        let open = Dcep::Open {
            label: "JVB data channel".into(),
            protocol: "http://jitsi.org/protocols/colibri".into(),
        };
        let written = open.write();
        assert_eq!(Dcep::read(&written), Some(open));
        assert_eq!(Dcep::read(&Dcep::Ack.write()), Some(Dcep::Ack));
        for len in 0..written.len() {
            assert_eq!(Dcep::read(&written[..len]), None);
        }
        assert_eq!(Dcep::read(&[9]), None);
    }
}
