//! The AV1 dependency descriptor: a stream of them, each read with the structure before it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::codec::av1::{DependencyDescriptor, DescriptorEdit, TemplateStructure};

fuzz_target!(|data: &[u8]| {
    let mut known: Option<Box<TemplateStructure>> = None;
    for value in fuzz::packets(data) {
        let Ok(descriptor) = DependencyDescriptor::parse(value, known.as_deref()) else {
            continue;
        };
        for target in 0..40 {
            let _ = (
                descriptor.frame.is_needed_by(target),
                descriptor.frame.indication(target),
            );
        }
        let edit = DescriptorEdit {
            frame_number: 4711,
            template_id_shift: 3,
            active_decode_targets: Some(1),
        };
        let mut copy = value.to_vec();
        DependencyDescriptor::rewrite(&mut copy, &edit);
        let current = descriptor.structure.clone().or_else(|| known.clone());
        if let Some(current) = current {
            let _ = (
                current.max_spatial_id(),
                current.max_temporal_id(),
                current.all_active(),
            );
            let mut out = [0; 512];
            if let Some(length) = descriptor.write(&current, &edit, &mut out) {
                assert!(length <= out.len());
            }
            known = Some(current);
        }
    }
});
