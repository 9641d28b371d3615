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
        let (mut descriptor, mut copy) = (descriptor, data.to_vec());
        copy.push(0);
        let len = descriptor.widen(&mut copy, data.len());
        descriptor.rewrite(&mut copy[..len], 0x1234, 7, 9);
        assert!(vp8::Vp8Descriptor::parse(&copy[..len]).is_ok());
    }
    if let Ok(descriptor) = vp9::Vp9Descriptor::parse(data) {
        let _ = (
            descriptor.is_keyframe(),
            descriptor.spatial_id(),
            descriptor.temporal_id(),
        );
        let (mut descriptor, mut copy) = (descriptor, data.to_vec());
        copy.push(0);
        let len = descriptor.widen(&mut copy, data.len());
        descriptor.rewrite(&mut copy[..len], 0x1234, 7);
        assert!(vp9::Vp9Descriptor::parse(&copy[..len]).is_ok());
    }
});
