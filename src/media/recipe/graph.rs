//! The filters between the decoder and the encoders. The source is scaled first and brought to its frame rate then,
//! as on the rest of the network.

use std::fmt::Write as _;

use super::{
    super::{
        inspect::LONGEST,
        job::Clip,
        ladder::Profile,
        size::{Size, rendition_size, size_expressions},
        target::Target,
    },
    Recipe, decimal, signature_file,
};

/// Time stamps that are missing or go back are made to go on.
const REPAIR: &str = "setpts='if(isnan(PREV_OUTPTS),PTS,max(PTS,PREV_OUTPTS+1))'";

/// What encoders are given, whatever the source is.
const PIXELS: &str = "format=yuv420p";

impl Recipe<'_> {
    /// The whole graph: `[0:v:0]` in, `[v0]`, `[v1]`, … out.
    pub(super) fn graph(&self) -> String {
        match (self.target, self.cascade()) {
            (Target::Cpu, Some(steps)) => self.cascaded(&steps),
            (Target::Cpu, None) => self.side_by_side("", |profile| {
                let (width, height) = size_expressions(profile.codec, asked(profile));
                vec![format!("scale=w={width}:h={height}")]
            }),
            (Target::Nvidia(_), _) => {
                let upload = match self.decodes_on_gpu() {
                    true => String::new(),
                    // Once for all renditions, and in the format every GPU takes.
                    false => format!("{PIXELS},hwupload,"),
                };
                self.side_by_side(&upload, |profile| {
                    let (width, height) = self.gpu_size(profile);
                    vec![format!(
                        "scale_cuda=w={width}:h={height}:{PIXELS}:interp_algo=lanczos"
                    )]
                })
            }
        }
    }

    /// Every rendition is scaled from the source.
    fn side_by_side(&self, before: &str, scale: impl Fn(&Profile) -> Vec<String>) -> String {
        let count = self.profiles.len();
        let mut graph = format!("[0:v:0]{before}split={count}");
        for index in 0..count {
            let _ = write!(graph, "[s{index}]");
        }
        for (index, profile) in self.profiles.iter().enumerate() {
            let mut filters = Vec::new();
            if profile.fps == 0 {
                filters.push(REPAIR.into());
            }
            filters.extend(scale(profile));
            filters.extend(rate(profile));
            if self.target == Target::Cpu {
                filters.push(PIXELS.into());
            }
            let _ = write!(graph, ";[s{index}]{}", self.ending(index, filters));
        }
        graph
    }

    /// Every rendition is scaled from the one its step names, all from the source if it names none.
    fn cascaded(&self, steps: &[Step]) -> String {
        let from_source: Vec<_> = steps.iter().filter(|step| step.from.is_none()).collect();
        let mut graph = format!("[0:v:0]split={}", from_source.len());
        for step in from_source {
            let _ = write!(graph, "[i{}]", step.index);
        }
        for step in steps {
            let Size { width, height } = step.size;
            let index = step.index;
            let _ = write!(graph, ";[i{index}]scale=w={width}:h={height},{PIXELS}");
            match steps.iter().find(|next| next.from == Some(index)) {
                Some(next) => {
                    let _ = write!(graph, ",split=2[s{index}][i{}]", next.index);
                }
                None => {
                    let _ = write!(graph, "[s{index}]");
                }
            }
        }
        for (index, profile) in self.profiles.iter().enumerate() {
            // One of the two is there.
            let repair = (profile.fps == 0).then(|| REPAIR.into());
            let filters = repair.into_iter().chain(rate(profile)).collect();
            let _ = write!(graph, ";[s{index}]{}", self.ending(index, filters));
        }
        graph
    }

    /// In which order renditions are scaled, the larger ones first, and from what. None where it makes no
    /// difference, or where sizes are not known: a rendition's shape follows from the source's.
    fn cascade(&self) -> Option<Vec<Step>> {
        let source = self.source_size.filter(|_| self.effort.cascaded)?;
        let mut steps = Vec::new();
        for (index, profile) in self.profiles.iter().enumerate() {
            let size = rendition_size(profile.codec, asked(profile), source)?;
            steps.push(Step {
                index,
                size,
                from: None,
            });
        }
        steps.sort_by_key(|step| std::cmp::Reverse((step.size.width, step.size.height)));
        for at in 1..steps.len() {
            let (larger, this) = (steps[at - 1], steps[at]);
            // From an enlarged one more would be lost than gained.
            if this.size.fits_into(larger.size) && larger.size.fits_into(source) {
                steps[at].from = Some(larger.index);
            }
        }
        steps.iter().any(|step| step.from.is_some()).then_some(steps)
    }

    /// The filters after scaling, up to the output's label.
    fn ending(&self, index: usize, mut filters: Vec<String>) -> String {
        if let Some(clip) = self.clip {
            filters.extend(clip_video(clip));
        }
        let signature = format!("signature=filename={}", signature_file(index));
        match (self.perceptual_hash, self.target) {
            (false, _) => {}
            (true, Target::Cpu) => filters.push(signature),
            // A copy leaves the GPU, the encoder gets what stays.
            (true, Target::Nvidia(_)) => {
                filters.push(format!(
                    "split[v{index}][g{index}];[g{index}]hwdownload,{PIXELS},{signature},nullsink"
                ));
                return filters.join(",");
            }
        }
        format!("{}[v{index}]", filters.join(","))
    }

    /// Numbers if the source is known, otherwise the expression that gives them.
    fn gpu_size(&self, profile: &Profile) -> (String, String) {
        let known = self
            .source_size
            .and_then(|source| rendition_size(profile.codec, asked(profile), source));
        match known {
            Some(size) => (size.width.to_string(), size.height.to_string()),
            None => size_expressions(profile.codec, asked(profile)),
        }
    }
}

/// One rendition in a cascade.
#[derive(Debug, Clone, Copy)]
struct Step {
    index: usize,
    size: Size,
    /// The rendition it is scaled from; none means the source.
    from: Option<usize>,
}

fn asked(profile: &Profile) -> Size {
    Size {
        width: profile.width,
        height: profile.height,
    }
}

/// The frame rate asked for, up to as many frames as the longest segment has: few pictures far apart would become a
/// flood. Here and not as the encoder's limit: newer versions let that cut the sound off with the last frame.
fn rate(profile: &Profile) -> Option<String> {
    let (fps, den) = (profile.fps, profile.fps_den.max(1));
    let most = (LONGEST + 1) * u64::from(fps) / u64::from(den) + 2;
    (fps > 0).then(|| format!("fps={fps}/{den},trim=end_frame={most}"))
}

/// Keeps a part, counted in ticks: seconds of a fraction would miss frames by their last digit. With a start the kept
/// part begins at zero, without one times stay.
pub(super) fn clip_video(clip: Clip) -> Vec<String> {
    let (from, to) = (decimal(clip.from), decimal(clip.to));
    let shift = format!("setpts='PTS-STARTPTS-round({from}/TB)'");
    match (clip.from.is_zero(), clip.to.is_zero()) {
        (true, true) => Vec::new(),
        (true, false) => vec![format!("select='lte(pts-start_pts\\,round({to}/TB))'")],
        (false, true) => vec![shift, "select='gte(pts\\,0)'".into()],
        (false, false) => vec![
            shift,
            format!("select='gte(pts\\,0)*lte(pts\\,round({to}/TB)-round({from}/TB))'"),
        ],
    }
}
