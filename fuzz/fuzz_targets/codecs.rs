//! Payload descriptors of all codecs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::{av1, h264, opus, vp8, vp9};

fuzz_target!(|data: &[u8]| {
    let _ = (opus::is_dtx(data), opus::duration(data));
    let _ = (
        h264::is_keyframe(data),
        h264::has_parameter_sets(data),
        h264::resolution(data),
    );
    let _ = av1::AggregationHeader::parse(data);
    if let Ok(descriptor) = vp8::Vp8Descriptor::parse(data) {
        let _ = (descriptor.is_keyframe(data), descriptor.resolution(data));
        let mut copy = data.to_vec();
        descriptor.rewrite(&mut copy, 0x1234, 7);
        assert_eq!(copy.len(), data.len());
        assert!(vp8::Vp8Descriptor::parse(&copy).is_ok());
    }
    if let Ok(descriptor) = vp9::Vp9Descriptor::parse(data) {
        let _ = (
            descriptor.is_keyframe(),
            descriptor.spatial_id(),
            descriptor.temporal_id(),
        );
        let mut copy = data.to_vec();
        descriptor.rewrite(&mut copy, 0x1234, 7);
        assert!(vp9::Vp9Descriptor::parse(&copy).is_ok());
    }
});
