//! Sizes of renditions: the source's aspect ratio with the longer side a profile asks for
//! (`lpms ffmpeg/ffmpeg.go`, the scale expression).

use super::ladder::VideoCodec;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Size {
    /// Whether neither side is longer than the other's.
    #[must_use]
    pub fn fits_into(self, other: Self) -> bool {
        self.width <= other.width && self.height <= other.height
    }
}

/// What an encoder takes: smallest and largest size (`lpms ffmpeg/ffmpeg.go`). Applied on CPUs too.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    least: Size,
    most: Size,
}

fn bounds(codec: VideoCodec) -> Bounds {
    let square = |side| Size {
        width: side,
        height: side,
    };
    match codec {
        VideoCodec::H265 => Bounds {
            least: Size {
                width: 132,
                height: 40,
            },
            most: square(8192),
        },
        VideoCodec::H264 | VideoCodec::Vp8 | VideoCodec::Vp9 => Bounds {
            least: Size {
                width: 146,
                height: 50,
            },
            most: square(4096),
        },
    }
}

/// The longer side of a rendition, before the source's shape is known.
fn longer_side(bounds: &Bounds, want: Size) -> u32 {
    let width = want.width.clamp(bounds.least.width, bounds.most.width);
    let height = want.height.clamp(bounds.least.height, bounds.most.height);
    width.max(height)
}

/// The size a rendition will have. The source's longer side becomes the longer side asked for, the other side
/// follows its aspect ratio; the shorter side asked for has no say. `None` for a source or a request without area.
#[must_use]
pub fn rendition_size(codec: VideoCodec, want: Size, source: Size) -> Option<Size> {
    if [want.width, want.height, source.width, source.height].contains(&0) {
        return None;
    }
    let bounds = bounds(codec);
    let long = u64::from(longer_side(&bounds, want));
    let (width, height) = (u64::from(source.width), u64::from(source.height));
    let even = |side: u64| side / 2 * 2;
    // Nearest multiple of two of `other * numerator / denominator`, as ffmpeg's scale filter does for -2.
    let follow = |other: u64, numerator: u64, denominator: u64| {
        (other * numerator * 2 + 2 * denominator) / (4 * denominator) * 2
    };
    let size = if width >= height {
        let least = u64::from(bounds.least.height);
        match (long * height).cmp(&(least * width)) {
            std::cmp::Ordering::Greater => (even(long), follow(even(long), height, width)),
            std::cmp::Ordering::Equal => (even(long), even(least)),
            std::cmp::Ordering::Less => (follow(even(least), width, height), even(least)),
        }
    } else {
        let least = u64::from(bounds.least.width);
        match (long * width).cmp(&(least * height)) {
            std::cmp::Ordering::Greater => (follow(even(long), width, height), even(long)),
            std::cmp::Ordering::Equal => (even(least), even(long)),
            std::cmp::Ordering::Less => (even(least), follow(even(least), height, width)),
        }
    };
    Some(Size {
        width: u32::try_from(size.0).ok()?,
        height: u32::try_from(size.1).ok()?,
    })
}

/// Width and height of a rendition for ffmpeg's scalers, from any source, so that ffmpeg can be started before the
/// source is known. Same formula as [`rendition_size`].
#[must_use]
pub fn size_expressions(codec: VideoCodec, want: Size) -> (String, String) {
    let bounds = bounds(codec);
    let long = longer_side(&bounds, want);
    let Size { width, height } = bounds.least;
    (
        format!(
            "'trunc(if(gte(iw,ih),if(gte({long}*ih/iw,{height}),{long},-2),if(gte({width},{long}*iw/ih),{width},-2))/2)*2'"
        ),
        format!(
            "'trunc(if(gt(ih,iw),if(gte({long}*iw/ih,{width}),{long},-2),if(gte({height},{long}*ih/iw),{height},-2))/2)*2'"
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    fn h264(want: (u32, u32), source: (u32, u32)) -> (u32, u32) {
        let made = rendition_size(VideoCodec::H264, size(want.0, want.1), size(source.0, source.1)).unwrap();
        (made.width, made.height)
    }

    #[test]
    fn the_source_decides_the_shape() {
        assert_eq!(h264((1280, 720), (1920, 1080)), (1280, 720));
        assert_eq!(h264((320, 240), (1920, 1080)), (320, 180));
        assert_eq!(h264((1280, 720), (1080, 1920)), (720, 1280));
        assert_eq!(h264((426, 240), (1920, 1080)), (426, 240));
        assert_eq!(h264((255, 100), (100, 100)), (254, 254));
    }

    #[test]
    fn a_side_below_the_encoders_minimum_is_raised() {
        assert_eq!(h264((64, 36), (1920, 1080)), (146, 82));
        assert_eq!(h264((256, 144), (4000, 400)), (500, 50));
        assert_eq!(h264((256, 144), (16, 4000)), (146, 36500));
    }

    #[test]
    fn nothing_has_no_size() {
        assert_eq!(
            rendition_size(VideoCodec::H264, size(0, 720), size(1920, 1080)),
            None
        );
        assert_eq!(
            rendition_size(VideoCodec::H264, size(1280, 720), size(1920, 0)),
            None
        );
    }

    proptest! {
        #[test]
        fn sides_are_even_and_one_is_what_was_asked_for(
            codec in prop_oneof![Just(VideoCodec::H264), Just(VideoCodec::H265)],
            want in (1_u32..10_000, 1_u32..10_000),
            source in (1_u32..10_000, 1_u32..10_000),
        ) {
            let want = size(want.0, want.1);
            let made = rendition_size(codec, want, size(source.0, source.1)).unwrap();
            prop_assert_eq!((made.width % 2, made.height % 2), (0, 0));
            let bounds = bounds(codec);
            let long = longer_side(&bounds, want) / 2 * 2;
            prop_assert!(
                made.width == long || made.height == long
                    || made.width == bounds.least.width || made.height == bounds.least.height
            );
            prop_assert_eq!(made.width >= made.height, source.0 >= source.1 || made.width == made.height);
        }
    }
}
