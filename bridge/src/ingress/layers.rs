//! The layers that a video source sends, with what each costs.

use std::time::Instant;

use media::units::Bitrate;

use super::rate::RateWindow;
use crate::allocation::{Layer, LayerIndex};
use crate::packet::Frame;

/// Most layers of one encoding that are told apart.
const MAX_LAYERS: usize = 12;
/// Frame rate of a stream with all its temporal layers, until packets say otherwise.
const FULL_FRAME_RATE: f32 = 30.0;

/// Rates of the layers of one encoding, in order of spatial, then temporal layer.
#[derive(Debug, Default)]
pub struct LayerRates(Vec<LayerRate>);

#[derive(Debug)]
struct LayerRate {
    spatial: u8,
    temporal: u8,
    rate: RateWindow,
}

impl LayerRates {
    /// Takes in a packet.
    pub fn count(&mut self, frame: &Frame, bytes: usize, now: Instant) {
        let layer = match frame {
            Frame::Vp8(frame) => (0, frame.temporal),
            Frame::Layered(frame) => (frame.spatial, frame.temporal),
            Frame::Audio | Frame::Opaque { .. } => (0, 0),
            Frame::Nothing(_) => return,
        };
        let found = self
            .0
            .binary_search_by_key(&layer, |l| (l.spatial, l.temporal));
        let index = match found {
            Ok(index) => index,
            Err(_) if self.0.len() == MAX_LAYERS => return,
            Err(index) => {
                let (spatial, temporal) = layer;
                self.0.insert(
                    index,
                    LayerRate {
                        spatial,
                        temporal,
                        rate: RateWindow::new(now),
                    },
                );
                index
            }
        };
        self.0[index].rate.count(bytes, now);
    }

    /// Appends the layers of the encoding. `height` knows the lines of each spatial layer.
    pub fn layers(
        &mut self,
        encoding: u8,
        height: impl Fn(u8) -> u16,
        now: Instant,
        layers: &mut Vec<Layer>,
    ) {
        let rates: Vec<_> = self
            .0
            .iter_mut()
            .map(|l| (l.spatial, l.temporal, l.rate.rate(now)))
            .collect();
        let top = rates
            .iter()
            .filter(|r| r.2 > Bitrate::ZERO)
            .map(|r| r.1)
            .max();
        let top = top.or(rates.iter().map(|r| r.1).max()).unwrap_or(0);
        for (spatial, temporal, own) in &rates {
            let below = rates
                .iter()
                .filter(|r| r.0 <= *spatial && r.1 <= *temporal)
                .map(|r| r.2);
            let bitrate = if *own > Bitrate::ZERO {
                below.sum()
            } else {
                Bitrate::ZERO
            };
            let halvings = top.saturating_sub(*temporal).min(7);
            layers.push(Layer {
                index: LayerIndex {
                    encoding,
                    spatial: *spatial,
                    temporal: *temporal,
                },
                height: height(*spatial),
                frame_rate: FULL_FRAME_RATE / f32::from(1_u8 << halvings),
                bitrate,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Vp8Frame;
    use std::time::Duration;

    fn frame(temporal: u8) -> Frame {
        Frame::Vp8(Vp8Frame {
            start: true,
            keyframe: false,
            picture: None,
            tl0: None,
            key: None,
            temporal,
            sync: false,
        })
    }

    #[test]
    fn a_layer_costs_what_it_depends_on_too() {
        let mut now = Instant::now();
        let mut rates = LayerRates::default();
        for step in 0..120_usize {
            rates.count(&frame([0, 2, 1, 2][step % 4]), 1_000, now);
            now += Duration::from_micros(33_333);
        }
        let mut layers = Vec::new();
        rates.layers(1, |_| 360, now, &mut layers);
        let shape: Vec<_> = layers
            .iter()
            .map(|l| (l.index.temporal, l.frame_rate))
            .collect();
        assert_eq!(shape, [(0, 7.5), (1, 15.0), (2, 30.0)]);
        let kbps: Vec<_> = layers.iter().map(|l| l.bitrate.as_kbps()).collect();
        assert!(kbps[0] < kbps[1] && kbps[1] < kbps[2], "{kbps:?}");
        assert!((200..=260).contains(&kbps[2]), "{kbps:?}");
        assert_eq!(layers[0].index.encoding, 1);
    }

    #[test]
    fn a_layer_that_is_no_longer_sent_costs_nothing() {
        let mut now = Instant::now();
        let mut rates = LayerRates::default();
        rates.count(&frame(0), 1_000, now);
        now += Duration::from_secs(2);
        let mut layers = Vec::new();
        rates.layers(0, |_| 180, now, &mut layers);
        assert_eq!(layers[0].bitrate, Bitrate::ZERO);
    }

    #[test]
    fn a_sender_cannot_make_layers_without_end() {
        let now = Instant::now();
        let mut rates = LayerRates::default();
        for temporal in 0..=255 {
            rates.count(&frame(temporal), 1, now);
        }
        assert_eq!(rates.0.len(), MAX_LAYERS);
    }
}
