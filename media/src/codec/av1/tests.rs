//! Descriptors written bit by bit from the AV1 RTP specification, appendix A.
#![allow(clippy::unwrap_used, reason = "tests")]

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::codec::{CodecError, Resolution};

/// Packs a string of bits; anything but 0 and 1 is for the reader.
fn bits(text: &str) -> Vec<u8> {
    let bits: Vec<u8> = text
        .bytes()
        .filter(|b| matches!(b, b'0' | b'1'))
        .map(|b| b - b'0')
        .collect();
    bits.chunks(8)
        .map(|byte| {
            byte.iter()
                .enumerate()
                .fold(0, |value, (i, bit)| value | bit << (7 - i))
        })
        .collect()
}

/// Two spatial and two temporal layers, one chain per spatial layer, 320×180 and 640×360; template
/// ids from 60 on, so that they wrap.
fn keyframe() -> Vec<u8> {
    bits(
        "1 0 111100  0000000000000111 | 1 0 0 0 0 \
         111100 00011 | 01 10 01 11 | \
         10 10 10 10  00 11 00 01  00 00 10 10  00 00 00 01 | \
         0 | 1 0001 0 | 1 0000 0 | 1 0000 1 0001 0 | \
         10 | 0 0 1 1 | 0000 0000  0010 0001  0001 0000  0001 0001 | \
         1 0000000100111111 0000000010110011 0000001001111111 0000000101100111",
    )
}

fn structure() -> TemplateStructure {
    *DependencyDescriptor::parse(&keyframe(), None)
        .unwrap()
        .structure
        .unwrap()
}

#[test]
fn a_key_frame_brings_the_whole_structure() {
    use DecodeTargetIndication::{Discardable, NotPresent, Required, Switch};
    let descriptor = DependencyDescriptor::parse(&keyframe(), None).unwrap();
    assert!(descriptor.start_of_frame && !descriptor.end_of_frame && descriptor.is_keyframe());
    assert_eq!((descriptor.template_id, descriptor.frame_number), (60, 7));
    assert_eq!(descriptor.active_decode_targets, Some(0b1111));
    let structure = descriptor.structure.unwrap();
    let layers: Vec<_> = structure
        .templates
        .iter()
        .map(|t| (t.spatial_id, t.temporal_id))
        .collect();
    assert_eq!(layers, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    assert_eq!(
        structure.templates[1].dtis[..],
        [NotPresent, Required, NotPresent, Discardable]
    );
    assert_eq!(
        structure.templates[2].dtis[..],
        [NotPresent, NotPresent, Switch, Switch]
    );
    assert_eq!(structure.templates[3].frame_diffs[..], [1, 2]);
    assert_eq!(structure.templates[1].chain_diffs[..], [2, 1]);
    assert_eq!(structure.protected_by[..], [0, 0, 1, 1]);
    let targets: Vec<_> = structure
        .decode_targets
        .iter()
        .map(|l| (l.spatial_id, l.temporal_id))
        .collect();
    assert_eq!(targets, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    assert_eq!(
        structure.resolutions[1],
        Resolution {
            width: 640,
            height: 360
        }
    );
    assert_eq!(
        descriptor.frame.resolution,
        Some(Resolution {
            width: 320,
            height: 180
        })
    );
}

#[test]
fn a_short_descriptor_takes_all_from_its_template() {
    let structure = structure();
    // Template id 63 is the fourth.
    let value = bits("0 1 111111 0000000000001000");
    let descriptor = DependencyDescriptor::parse(&value, Some(&structure)).unwrap();
    assert!(descriptor.end_of_frame && !descriptor.is_keyframe());
    assert_eq!(
        (descriptor.frame.spatial_id, descriptor.frame.temporal_id),
        (1, 1)
    );
    assert_eq!(descriptor.active_decode_targets, None);
    assert!(!descriptor.frame.is_needed_by(0) && descriptor.frame.is_needed_by(3));
    assert!(!descriptor.frame.is_needed_by(99));
}

#[test]
fn a_frame_may_override_its_template_and_the_active_targets() {
    let value = bits(
        "1 1 111101 0000000000001001 | 0 1 1 1 1 | 0011 | 11 11 00 10 | 01 0000 10 11110000 00 | \
         11111111 00000001",
    );
    let structure = structure();
    let descriptor = DependencyDescriptor::parse(&value, Some(&structure)).unwrap();
    assert_eq!(descriptor.active_decode_targets, Some(0b0011));
    assert_eq!(
        descriptor.frame.indication(0),
        DecodeTargetIndication::Required
    );
    assert_eq!(
        descriptor.frame.indication(2),
        DecodeTargetIndication::NotPresent
    );
    assert_eq!(descriptor.frame.frame_diffs[..], [1, 241]);
    assert_eq!(descriptor.frame.chain_diffs[..], [255, 1]);
    let mut out = [0; 40];
    let edit = DescriptorEdit {
        frame_number: 9,
        ..DescriptorEdit::default()
    };
    let len = descriptor.write(&structure, &edit, &mut out).unwrap();
    assert_eq!(out[..len], value);
}

#[test]
fn a_descriptor_without_its_structure_is_an_error() {
    let value = bits("0 1 111111 0000000000001000");
    assert_eq!(
        DependencyDescriptor::parse(&value, None),
        Err(CodecError::NoStructure)
    );
    let unknown = bits("0 1 000000 0000000000001000");
    let result = DependencyDescriptor::parse(&unknown, Some(&structure()));
    assert_eq!(result, Err(CodecError::NoStructure));
}

#[test]
fn writing_what_was_read_gives_the_same_bytes() {
    let value = keyframe();
    let descriptor = DependencyDescriptor::parse(&value, None).unwrap();
    let edit = DescriptorEdit {
        frame_number: 7,
        ..DescriptorEdit::default()
    };
    let mut out = [0xff; 100];
    let len = descriptor.write(&structure(), &edit, &mut out).unwrap();
    assert_eq!(out[..len], value);
    assert_eq!(
        descriptor.write(&structure(), &edit, &mut out[..len - 1]),
        None
    );
}

#[test]
fn edits_in_place_and_by_writing_agree() {
    let edit = DescriptorEdit {
        frame_number: 0xabcd,
        template_id_shift: 9,
        active_decode_targets: None,
    };
    let mut value = keyframe();
    let descriptor = DependencyDescriptor::parse(&value, None).unwrap();
    let mut written = [0; 100];
    let len = descriptor.write(&structure(), &edit, &mut written).unwrap();
    DependencyDescriptor::rewrite(&mut value, &edit);
    assert_eq!(written[..len], value);
    let read = DependencyDescriptor::parse(&value, None).unwrap();
    assert_eq!(
        (read.template_id, read.frame_number),
        ((60 + 9) % 64, 0xabcd)
    );
    assert_eq!(read.structure.unwrap().template_id_offset, (60 + 9) % 64);
    assert_eq!(read.frame, descriptor.frame);
}

#[test]
fn active_targets_can_be_added_for_a_receiver() {
    let value = keyframe();
    let descriptor = DependencyDescriptor::parse(&value, None).unwrap();
    let edit = DescriptorEdit {
        active_decode_targets: Some(0b0001),
        ..DescriptorEdit::default()
    };
    let mut out = [0; 100];
    let len = descriptor.write(&structure(), &edit, &mut out).unwrap();
    let read = DependencyDescriptor::parse(&out[..len], None).unwrap();
    assert_eq!(read.active_decode_targets, Some(1));
    assert_eq!(read.structure, descriptor.structure);
}

#[test]
fn every_truncation_of_a_structure_is_an_error() {
    let value = keyframe();
    for len in 0..value.len() {
        assert!(DependencyDescriptor::parse(&value[..len], None).is_err());
    }
}

#[test]
fn flipped_bits_never_panic_and_what_parses_can_be_written() {
    let mut random = SmallRng::seed_from_u64(5);
    let known = structure();
    let mut parsed = 0;
    for _ in 0..50_000 {
        let mut value = keyframe();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..value.len());
            value[at] ^= 1 << random.random_range(0..8);
        }
        value.truncate(random.random_range(3..=value.len()));
        let Ok(descriptor) = DependencyDescriptor::parse(&value, Some(&known)) else {
            continue;
        };
        parsed += 1;
        let current = descriptor.structure.as_deref().unwrap_or(&known);
        let edit = DescriptorEdit {
            frame_number: descriptor.frame_number,
            ..DescriptorEdit::default()
        };
        let mut out = [0; 2_000];
        let len = descriptor.write(current, &edit, &mut out).unwrap();
        let again = DependencyDescriptor::parse(&out[..len], Some(&known)).unwrap();
        assert_eq!(again.frame, descriptor.frame);
    }
    assert!(parsed > 1_000);
}

#[test]
fn the_aggregation_header_tells_fragments_and_new_sequences() {
    let header = AggregationHeader::parse(&[0x18]).unwrap();
    assert!(header.new_sequence && !header.continues && !header.continued);
    assert_eq!(header.elements, 1);
    assert_eq!(
        AggregationHeader::parse(&[0x88]),
        Err(CodecError::Malformed)
    );
    assert_eq!(AggregationHeader::parse(&[]), Err(CodecError::Truncated));
}

/// A key frame of a browser's encoder: three spatial and three temporal layers.
#[test]
fn a_key_frame_of_a_browser_is_read() {
    let hex = "c1017280081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a8000600004000\
               1d954926e082b04a0941b820ac1282503157f974000ca864330e222222eca8655304224230eca877\
               530077004200ef008601df010d";
    let value: Vec<u8> = (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let descriptor = DependencyDescriptor::parse(&value, None).unwrap();
    assert!(descriptor.start_of_frame && descriptor.end_of_frame);
    assert_eq!(descriptor.frame_number, 0x0172);
    let structure = descriptor.structure.as_deref().unwrap();
    let sizes: Vec<_> = structure
        .resolutions
        .iter()
        .map(|r| (r.width, r.height))
        .collect();
    assert_eq!(sizes, [(120, 67), (240, 135), (480, 270)]);
    assert_eq!(structure.decode_targets.len(), 9);
    assert_eq!(
        (structure.max_spatial_id(), structure.max_temporal_id()),
        (2, 2)
    );
    assert_eq!(structure.chains, 3);
    let mut out = [0; 200];
    let edit = DescriptorEdit {
        frame_number: 0x0172,
        ..DescriptorEdit::default()
    };
    let len = descriptor.write(structure, &edit, &mut out).unwrap();
    assert_eq!(out[..len], value);
}
