//! Writers that are not in the lists: a GGUF file or a published folder anywhere on this machine, or a server that speaks
//! OpenAI's protocol.

use super::{Defaults, FileSpec, Licence, ModelSpec, Registry, Role, Source};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use ureq::http::Uri;

/// A file beside the models.
const FILE: &str = "writers.ron";
/// What a writer takes besides its weights: keys and values of a script, and what is being multiplied.
const BESIDES_WEIGHTS: u64 = 500_000_000;
/// Files that a published folder has in any case.
const IN_EVERY_FOLDER: [&str; 2] = ["config.json", "tokenizer.model"];
/// What the names of its weights end with, and of the list of them: one kind is enough, the first is the better one.
const WEIGHTS: [[&str; 2]; 2] = [[".safetensors", ".safetensors.index.json"], [".bin", ".bin.index.json"]];
/// Of 16 bits of a weight, about so many are in memory: the writer reads folders in 4 bits where 8 do not fit, and some
/// weights in more.
const BITS_OF_16: u64 = 5;

/// A server that speaks OpenAI's protocol, as llama.cpp, Ollama, LM Studio and vLLM have one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSpec {
    /// Where it answers, up to and with `/v1`.
    pub address: String,
    /// Which of its models to use; the first that it lists without it.
    #[serde(default)]
    pub model: Option<String>,
    /// Whether it may be on another machine, which then reads every premise.
    #[serde(default)]
    pub any_host: bool,
}

/// A writer of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OwnWriter {
    /// A GGUF chat model, or the folder of one as it is published.
    File(PathBuf),
    /// A server.
    Server(ServerSpec),
}

/// Why a writer of the user's own cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum OwnWriterError {
    /// No address of a server.
    #[error("{address} is no address of a server ({reason}); it looks like http://127.0.0.1:8080/v1")]
    Address { address: String, reason: &'static str },
    /// A server elsewhere, which nobody has allowed.
    #[error(
        "{host} is another machine, which would read every premise and script; servers on this one are at 127.0.0.1 or \
         localhost. If you mean it, allow it with --any-host, or in the window's list of writers"
    )]
    OtherHost { host: String },
    /// No such file.
    #[error("{}: {source}; name a GGUF file, or a writer by its id in \"reelboard models list\"", path.display())]
    NoFile { path: PathBuf, source: io::Error },
    /// A folder without a model.
    #[error(
        "{} has no {lacks}; name a GGUF file, or the folder of ChatGLM3-6B with all files as they are published",
        path.display()
    )]
    NoModel { path: PathBuf, lacks: &'static str },
    /// The list cannot be read or written.
    #[error("{}: {reason}", path.display())]
    List { path: PathBuf, reason: String },
}

impl ServerSpec {
    /// Reads `http://127.0.0.1:8080/v1`, and behind a `#` the model's name.
    ///
    /// # Errors
    /// When it is no such address, or one of another machine that was not allowed.
    pub fn parse(text: &str, any_host: bool) -> Result<Self, OwnWriterError> {
        let (address, model) = match text.trim().split_once('#') {
            Some((address, model)) => (address, Some(model.trim().to_owned()).filter(|model| !model.is_empty())),
            None => (text.trim(), None),
        };
        let wrong = |reason| OwnWriterError::Address { address: text.trim().to_owned(), reason };
        let uri: Uri = address.parse().map_err(|_| wrong("it cannot be read"))?;
        let Some(host) = uri.host().filter(|host| !host.is_empty()) else { return Err(wrong("it names no host")) };
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it begins neither with http:// nor with https://"));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("a key does not belong into it, but into the variable REELBOARD_WRITER_KEY"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a question mark"));
        }
        if !any_host && !is_this_machine(host) {
            return Err(OwnWriterError::OtherHost { host: host.to_owned() });
        }
        let address = address.trim_end_matches('/');
        let address = if matches!(uri.path(), "" | "/") { format!("{address}/v1") } else { address.to_owned() };
        Ok(Self { address, model, any_host })
    }

    /// Host and port, as people call it.
    pub fn host(&self) -> &str {
        let rest = self.address.split_once("://").map_or(self.address.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Whether it is on this machine by its name.
    pub fn is_on_this_machine(&self) -> bool {
        self.address.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_this_machine))
    }
}

/// Whether a name or address means this machine.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl OwnWriter {
    /// The writer that a text names by its file or its address; `None` for the id of a listed model.
    ///
    /// # Errors
    /// When there is no such file, or the address is none that may be used.
    pub fn named(text: &str, any_host: bool) -> Result<Option<Self>, OwnWriterError> {
        if text.contains("://") {
            return ServerSpec::parse(text, any_host).map(|server| Some(Self::Server(server)));
        }
        let is_path = text.contains(['/', '\\']) || text.to_lowercase().ends_with(".gguf");
        if is_path { Self::file(Path::new(text)).map(Some) } else { Ok(None) }
    }

    /// The writer in a file or a folder.
    ///
    /// # Errors
    /// When there is no such file, or the folder lacks one that every model has.
    pub fn file(path: &Path) -> Result<Self, OwnWriterError> {
        let no_file = |source| OwnWriterError::NoFile { path: path.to_owned(), source };
        let whole = std::path::absolute(path).map_err(no_file)?;
        if std::fs::metadata(&whole).map_err(no_file)?.is_dir() {
            let lacks = |lacks| Err(OwnWriterError::NoModel { path: path.to_owned(), lacks });
            if let Some(name) = IN_EVERY_FOLDER.into_iter().find(|name| !whole.join(name).is_file()) {
                return lacks(name);
            }
            if published_files(&whole).len() == IN_EVERY_FOLDER.len() {
                return lacks("weights (*.safetensors or *.bin)");
            }
        }
        Ok(Self::File(whole))
    }

    /// How lists call it.
    pub fn title(&self) -> String {
        match self {
            // A folder's name has no ending, whatever dots are in it.
            Self::File(path) if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("gguf")) => {
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            Self::File(path) => path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::Server(server) => {
                let of_model = server.model.as_ref().map(|model| format!("{model}, ")).unwrap_or_default();
                format!("{of_model}the server at {}", server.host())
            }
        }
    }

    /// As it stands in a list of models.
    pub fn model(&self) -> ModelSpec {
        let local = |path: &Path| FileSpec {
            name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            size_bytes: None,
            about_bytes: Some(std::fs::metadata(path).map_or(0, |metadata| metadata.len())),
            sha256: None,
            sources: vec![Source::Local { path: path.to_owned() }],
        };
        let bytes = |files: &[FileSpec]| files.iter().filter_map(|file| file.about_bytes).sum::<u64>();
        let (arch, files, memory_bytes) = match self {
            Self::File(path) if path.is_dir() => {
                let files: Vec<FileSpec> = published_files(path).iter().map(|path| local(path)).collect();
                let weights = bytes(&files) / 16 * BITS_OF_16;
                ("chatglm", files, weights + BESIDES_WEIGHTS)
            }
            Self::File(path) => {
                let files = vec![local(path)];
                let weights = bytes(&files);
                ("gguf", files, weights + BESIDES_WEIGHTS)
            }
            Self::Server(_) => ("server", Vec::new(), 0),
        };
        ModelSpec {
            id: self.id(),
            title: self.title(),
            role: Role::Writer,
            arch: arch.to_owned(),
            files,
            licence: Licence { spdx: "your own".to_owned(), terms: false, url: None },
            needs: Vec::new(),
            random: false,
            memory_bytes,
            networks: Vec::new(),
            defaults: Defaults::default(),
            server: match self {
                Self::Server(server) => Some(server.clone()),
                Self::File(_) => None,
            },
        }
    }

    /// A readable name and a few digits that tell it from all others; it also names a folder.
    pub fn id(&self) -> String {
        let name = match self {
            Self::File(_) => self.title(),
            Self::Server(server) => server.host().to_owned(),
        };
        let what = match self {
            Self::File(path) => format!("file {}", path.display()),
            Self::Server(server) => format!("server {} {:?}", server.address, server.model),
        };
        let letters = name.to_lowercase();
        let plain: String =
            letters.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
        let kind = if matches!(self, Self::File(_)) { "own" } else { "server" };
        let hash = blake3::hash(what.as_bytes()).to_hex();
        format!("{kind}-{}-{}", plain.trim_matches(['-', '.']), &hash[..6])
    }

    /// Those that are remembered beside the models of `folder`.
    ///
    /// # Errors
    /// When the list is there and cannot be read.
    pub fn remembered(folder: &Path) -> Result<Vec<Self>, OwnWriterError> {
        let path = folder.join(FILE);
        let wrong = |reason: String| OwnWriterError::List { path: path.clone(), reason };
        match std::fs::read_to_string(&path) {
            Ok(text) => ron::from_str(&text).map_err(|error| wrong(format!("{error}; mend or delete the file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// Remembers writers beside the models of `folder`, in place of those before.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remember(folder: &Path, writers: &[Self]) -> Result<(), OwnWriterError> {
        let path = folder.join(FILE);
        let text = ron::ser::to_string_pretty(writers, ron::ser::PrettyConfig::default());
        let written = text.map_err(|error| error.to_string()).and_then(|text| {
            let partial = folder.join(format!(".{FILE}.partial"));
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&partial, text))
                .and_then(|()| std::fs::rename(&partial, &path))
                .map_err(|error| error.to_string())
        });
        written.map_err(|reason| OwnWriterError::List { path, reason })
    }
}

/// The files of a published folder that the writer needs, those that are there.
fn published_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let ends = |name: &str, endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let kind = WEIGHTS.into_iter().find(|kind| names.iter().any(|name| ends(name, kind))).unwrap_or_default();
    let of_kind = |name: &String| kind != <[&str; 2]>::default() && ends(name, &kind) && !name.starts_with('.');
    let wanted = |name: &String| IN_EVERY_FOLDER.contains(&name.as_str()) || of_kind(name);
    names.into_iter().filter(wanted).map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}

impl Registry {
    /// With these writers at the end of the list.
    pub fn with_writers(mut self, writers: &[OwnWriter]) -> Self {
        for writer in writers {
            self.put(writer.model());
        }
        self
    }
}
