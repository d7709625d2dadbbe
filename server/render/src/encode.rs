//! Frames to H.264.
//!
//! One thread, one quantiser for the whole video, an intra frame every ten seconds. The quantiser is chosen once,
//! by trial, so that a busy picture makes no huge file and a calm one looks its best. (The encoder's own rate
//! controls either drop frames or warn on stderr, where a screen may be.)

use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, IntraFramePeriod, QpRange,
    RateControlMode, SpsPpsStrategy, UsageType, VuiConfig,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};

use crate::FRAMES_PER_SECOND;
use crate::error::RenderError;
use crate::planes::Planes;

/// Frames from one intra frame to the next.
pub(crate) const INTRA_PERIOD: u32 = 250;

/// The finest and the coarsest quantiser.
const QUANTISERS: std::ops::RangeInclusive<i32> = 26..=42;

/// The quantiser that is tried on the first frame.
const TRIED: u8 = 28;

/// The quantiser of a calm portrait, and what its first frame takes when tried, in bytes at 640 × 640 pixels.
const CALM: f32 = 27.0;
const CALM_BYTES: f32 = 8_200.0;

/// By how much the quantiser grows each time the first frame takes twice as much. (Six steps of the quantiser halve
/// the bytes or a little more; half of that leaves a busy picture larger, but not without end.)
const STEPS_PER_DOUBLING: f32 = 3.0;

/// H.264 names of the parts of a stream (ITU-T H.264 table 7-1).
const SLICE_IDR: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
const DELIMITER: u8 = 9;

/// One encoded frame.
#[derive(Default)]
pub(crate) struct EncodedFrame {
    /// As MP4 keeps it: each unit after its length in four bytes; without parameter sets.
    pub(crate) sample: Vec<u8>,
    /// Whether decoding may begin here.
    pub(crate) is_key: bool,
    /// Sequence and picture parameters, where they came with this frame.
    pub(crate) parameters: Option<(Vec<u8>, Vec<u8>)>,
}

/// The encoder of one video.
pub(crate) struct VideoEncoder {
    encoder: Encoder,
}

/// The quantiser at which the video of such a frame has a sensible size: coarser for a busier picture.
pub(crate) fn quantiser_for(frame: &Planes) -> Result<u8, RenderError> {
    let bytes = VideoEncoder::new(TRIED)?
        .encode(frame, 0)?
        .sample
        .len()
        .max(1) as f32;
    let area = (frame.width * frame.height) as f32 / (640.0 * 640.0);
    let quantiser = CALM + STEPS_PER_DOUBLING * (bytes / (CALM_BYTES * area)).log2();
    Ok((quantiser.round() as i32).clamp(*QUANTISERS.start(), *QUANTISERS.end()) as u8)
}

impl VideoEncoder {
    /// An encoder that works at one quantiser (0…51, coarser upwards).
    pub(crate) fn new(quantiser: u8) -> Result<Self, RenderError> {
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .max_frame_rate(FrameRate::from_hz(FRAMES_PER_SECOND as f32))
            // Demanded by the encoder, of no effect in this mode, in which the quantiser goes to the lower bound.
            .bitrate(BitRate::from_bps(1_000_000))
            .rate_control_mode(RateControlMode::Bufferbased)
            .qp(QpRange::new(quantiser, quantiser))
            .skip_frames(false)
            .complexity(Complexity::Low)
            .intra_frame_period(IntraFramePeriod::from_num_frames(INTRA_PERIOD))
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .scene_change_detect(false)
            .background_detection(false)
            .adaptive_quantization(false)
            .num_threads(1)
            .vui(VuiConfig::bt709());
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config)
            .map_err(|error| failed(&error))?;
        Ok(Self { encoder })
    }

    /// Encodes the next frame; numbers count from 0.
    pub(crate) fn encode(
        &mut self,
        frame: &impl YUVSource,
        number: u32,
    ) -> Result<EncodedFrame, RenderError> {
        let time = u64::from(number) * 1000 / u64::from(FRAMES_PER_SECOND);
        let stream = self
            .encoder
            .encode_at(frame, Timestamp::from_millis(time))
            .map_err(|error| failed(&error))?;
        let mut encoded = EncodedFrame::default();
        let (mut sequence, mut picture) = (None, None);
        for layer in (0..stream.num_layers()).filter_map(|number| stream.layer(number)) {
            for unit in (0..layer.nal_count()).filter_map(|number| layer.nal_unit(number)) {
                let unit = without_start_code(unit);
                let Some(&first) = unit.first() else { continue };
                match first & 31 {
                    SEQUENCE_PARAMETERS => sequence = Some(unit.to_vec()),
                    PICTURE_PARAMETERS => picture = Some(unit.to_vec()),
                    DELIMITER => {}
                    kind => {
                        encoded.is_key |= kind == SLICE_IDR;
                        let length = u32::try_from(unit.len()).map_err(|error| failed(&error))?;
                        encoded.sample.extend_from_slice(&length.to_be_bytes());
                        encoded.sample.extend_from_slice(unit);
                    }
                }
            }
        }
        if encoded.sample.is_empty() {
            return Err(failed(&format_args!("frame {number} came out empty")));
        }
        encoded.parameters = sequence.zip(picture);
        Ok(encoded)
    }
}

/// A unit without the zeros and the one that mark its beginning in a byte stream (ITU-T H.264 annex B).
fn without_start_code(unit: &[u8]) -> &[u8] {
    let zeros = unit.iter().take_while(|&&byte| byte == 0).count();
    unit.get(zeros + 1..).unwrap_or_default()
}

fn failed(error: &dyn std::fmt::Display) -> RenderError {
    RenderError::Encode(format!("H.264: {error}"))
}
