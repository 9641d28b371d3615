//! Ogg (RFC 3533 §6): pages of segments; a packet is segments up to the first that is shorter than 255 bytes.

const PAGE_HEADER: usize = 27;

/// The packets of a file with one stream; `None` when it is none, or a packet goes over the end of its page.
pub(super) fn packets(file: &[u8]) -> Option<Vec<&[u8]>> {
    let mut packets = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let (header, after) = rest.split_at_checked(PAGE_HEADER)?;
        if !header.starts_with(b"OggS") {
            return None;
        }
        let (lacing, mut body) = after.split_at_checked(header[26].into())?;
        let mut len = 0;
        for &segment in lacing {
            len += usize::from(segment);
            if segment < u8::MAX {
                let packet;
                (packet, body) = body.split_at_checked(len)?;
                packets.push(packet);
                len = 0;
            }
        }
        if len > 0 {
            return None;
        }
        rest = body;
    }
    Some(packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lacing: &[u8]) -> Vec<u8> {
        let mut page = b"OggS".to_vec();
        page.resize(PAGE_HEADER - 1, 0);
        page.push(lacing.len() as u8);
        page.extend(lacing);
        for (value, &len) in lacing.iter().enumerate() {
            page.extend(std::iter::repeat_n(value as u8, len.into()));
        }
        page
    }

    #[test]
    fn packets_are_found_over_segments_and_pages() {
        let file = [page(&[3, 255, 1]), page(&[0, 2])].concat();
        let lengths: Vec<_> = packets(&file)
            .into_iter()
            .flatten()
            .map(<[u8]>::len)
            .collect();
        assert_eq!(lengths, [3, 256, 0, 2]);
    }

    #[test]
    fn what_is_no_ogg_or_is_cut_is_refused() {
        let file = page(&[3, 2]);
        assert_eq!(packets(&file[..file.len() - 1]), None);
        assert_eq!(packets(&file[1..]), None);
        assert_eq!(packets(&page(&[3, 255])), None);
    }
}
