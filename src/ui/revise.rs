//! Revisions of the script: asking for them, their proposals, and the remarks on the script.

use super::app::{App, Selection};
use super::command::{Dialog, Named};
use crate::engine::{JobId, JobSpec, ReviseJob};
use crate::models::choose_writer;
use crate::project::{Change, EntityKind, Proposal, SceneId};
use crate::writer::{Finding, Repair, ReviseRequest, Revision, check, repair_by_rules};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most remarks that are remembered as ignored.
const IGNORED: usize = 500;

/// What the dialog asks for before a revision.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Rewrite(SceneId),
    /// A new scene behind this one, or at the beginning.
    Insert(Option<SceneId>),
    Film,
    Continue,
    Rename(EntityKind, String),
    MergeNames(EntityKind, String),
    Describe(EntityKind, String),
}

/// A revision that is being made, or waits for the user's decision.
pub(super) struct Revising {
    /// The writer's job while it runs.
    pub job: Option<JobId>,
    /// What was asked for; `None` for repairs by rules.
    pub revision: Option<Revision>,
    /// What there is of it.
    pub proposal: Proposal,
}

/// What the dialogs of revisions remember.
#[derive(Default)]
pub(super) struct ReviseForm {
    /// What is being typed.
    pub text: String,
    /// By how many scenes the story goes on.
    pub scenes: u32,
    /// The field takes the keyboard on the next frame.
    pub focus: bool,
    /// Items of the proposal that the user does not want.
    pub rejected: BTreeSet<usize>,
    /// The button that accepts takes the keyboard on the next frame.
    pub focus_accept: bool,
}

/// What there is to remark on the film as it is.
#[derive(Default)]
pub(super) struct Remarks {
    /// The revision of the document that was looked at.
    revision: Option<u64>,
    /// Those that the user has not ignored.
    pub findings: Vec<Finding>,
}

impl App {
    /// Carries out a named command of the menu "Script".
    pub(super) fn revise_named(&mut self, named: Named) {
        let Some(doc) = &self.doc else { return };
        let selected = self.selected_scene().filter(|id| doc.project().scene(*id).is_some());
        let needs_scene = matches!(
            named,
            Named::RewriteScene
                | Named::InsertSceneBefore
                | Named::InsertSceneAfter
                | Named::SplitScene
                | Named::MergeScenes
        );
        let scene = match selected {
            None if needs_scene => return self.complain("select a scene first"),
            None => SceneId(0),
            Some(id) => id,
        };
        let film = |change: &str| Revision::Film { change: change.to_owned() };
        match named {
            Named::RewriteScene => self.ask(Ask::Rewrite(scene)),
            Named::InsertSceneAfter => self.ask(Ask::Insert(Some(scene))),
            Named::InsertSceneBefore => {
                let index = doc.project().scene_index(scene).and_then(|index| index.checked_sub(1));
                let before = index.map(|index| doc.project().scenes[index].id);
                self.ask(Ask::Insert(before));
            }
            Named::SplitScene => self.revise(Revision::Split { scene }),
            Named::MergeScenes => self.revise(Revision::Merge { scene }),
            Named::ContinueStory => self.ask(Ask::Continue),
            Named::ShortenFilm => self.revise(Revision::Shorten),
            Named::FunnierFilm => self.revise(film("funnier")),
            Named::FilmForChildren => self.revise(film("for children")),
            Named::ReviseFilm => self.ask(Ask::Film),
            Named::PlanCameras => self.revise(Revision::Cameras),
            Named::Remarks => self.show_dialog(Some(Dialog::Remarks)),
            Named::ShowProposal if self.revising.is_some() => self.show_dialog(Some(Dialog::Proposal)),
            _ => self.tell("no revision waits for you; the menu \"Script\" has some"),
        }
    }

    /// Opens the dialog that asks for the user's words, unless the revision is not possible anyway.
    pub(super) fn ask(&mut self, ask: Ask) {
        let Some(doc) = &self.doc else { return };
        let possible = match &ask {
            // Any words do to find out.
            Ask::Rewrite(scene) => Revision::Rewrite { scene: *scene, change: "?".to_owned() }.check(doc.project()),
            Ask::Insert(after) => Revision::Insert { after: *after, wish: String::new() }.check(doc.project()),
            Ask::Film => Revision::Film { change: "?".to_owned() }.check(doc.project()),
            Ask::Continue => Revision::Continue { scenes: 1, wish: String::new() }.check(doc.project()),
            Ask::Rename(..) | Ask::MergeNames(..) | Ask::Describe(..) => Ok(()),
        };
        if let Err(error) = possible {
            return self.complain(error.to_string());
        }
        let text = match &ask {
            Ask::Rename(_, name) => name.clone(),
            _ => String::new(),
        };
        let form = &mut self.panel_state.revise;
        (form.text, form.focus) = (text, true);
        form.scenes = form.scenes.max(2);
        self.show_dialog(Some(Dialog::Ask(ask)));
    }

    /// Has a revision proposed. Nothing of the film changes before the user accepts it.
    pub(super) fn revise(&mut self, revision: Revision) {
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        if let Err(error) = revision.check(&project) {
            return self.complain(error.to_string());
        }
        if let Some(proposal) = revision.by_rule(&project) {
            return match proposal {
                Ok(proposal) => self.show_proposal(Some(revision), proposal),
                Err(error) => self.complain(error.to_string()),
            };
        }
        if self.is_writing() {
            return self.complain("a script is being written: stop it first");
        }
        if self.revising.as_ref().is_some_and(|revising| revising.job.is_some()) {
            return self.show_dialog(Some(Dialog::Proposal));
        }
        let choice = match choose_writer(&self.registry, &self.cache, self.remembered.writer.as_deref()) {
            Ok(choice) => choice,
            Err(error) => return self.complain(error.to_string()),
        };
        if choice.is_missing {
            self.show_dialog(Some(Dialog::Models));
            return self.tell("the writer is not on this machine yet: download it, then ask again");
        }
        let sampling = self.remembered.writing.sampling(&choice.model.defaults);
        // Another proposal each time, unless the user wants the same.
        self.revisions += 1;
        let seed = self.remembered.writing.seed.unwrap_or(self.revisions);
        let proposal = Proposal { title: revision.title(&project), ..Proposal::default() };
        let request = ReviseRequest { project, revision: revision.clone(), seed, sampling };
        let model = Box::new(choice.model.clone());
        let job = ReviseJob { request, model, cache: self.cache.clone(), home: self.home.clone() };
        if let Some(job) = self.submit(JobSpec::Revise(Box::new(job))) {
            self.show_proposal(Some(revision), proposal);
            if let Some(revising) = &mut self.revising {
                revising.job = Some(job);
            }
        }
    }

    /// Shows a proposal that needs no more work.
    fn show_proposal(&mut self, revision: Option<Revision>, proposal: Proposal) {
        self.panel_state.revise.rejected.clear();
        self.panel_state.revise.focus_accept = true;
        self.revising = Some(Revising { job: None, revision, proposal });
        self.show_dialog(Some(Dialog::Proposal));
    }

    /// Takes in what there is of a proposal.
    pub(super) fn take_proposal(&mut self, job: JobId, proposal: Proposal, is_done: bool) {
        let Some(revising) = self.revising.as_mut().filter(|revising| revising.job == Some(job)) else { return };
        revising.proposal = proposal;
        if !is_done {
            return;
        }
        revising.job = None;
        self.panel_state.revise.focus_accept = true;
        if self.revising.as_ref().is_some_and(|revising| revising.proposal.is_empty()) {
            self.end_revision();
            return self.tell("the writer would leave it as it is; ask again, or in other words");
        }
        match &self.dialog {
            None => self.show_dialog(Some(Dialog::Proposal)),
            Some(Dialog::Proposal) => {}
            Some(_) => self.tell("the revision is ready: see \"Proposal\" in the menu \"Script\""),
        }
    }

    /// Forgets a revision whose job ended without a result.
    pub(super) fn forget_revision_of(&mut self, job: JobId) {
        if self.revising.as_ref().is_some_and(|revising| revising.job == Some(job)) {
            self.end_revision();
        }
    }

    fn end_revision(&mut self) {
        self.revising = None;
        if self.dialog == Some(Dialog::Proposal) {
            self.dialog = None;
        }
    }

    /// Makes the accepted items part of the film, as one step of the history. What the user changed meanwhile stays.
    pub(super) fn accept_proposal(&mut self, items: &[usize]) {
        let (Some(revising), Some(doc)) = (&self.revising, &mut self.doc) else { return };
        if revising.job.is_some() {
            return;
        }
        let proposal = revising.proposal.clone();
        let late = items.iter().filter(|item| proposal.outdated(doc.project(), **item).is_some()).count();
        let Some(edit) = proposal.to_edit(doc.numbering(), items) else {
            self.end_revision();
            return self.tell("nothing was changed");
        };
        let known: BTreeSet<SceneId> = doc.project().scenes.iter().map(|scene| scene.id).collect();
        let edited = doc.edit_as(proposal.title.clone(), edit, None);
        doc.seal();
        if let Err(error) = edited {
            return self.complain(error.to_string());
        }
        let new = doc.project().scenes.iter().map(|scene| scene.id).find(|id| !known.contains(id));
        self.end_revision();
        let accepted = items.iter().filter_map(|item| proposal.items.get(*item));
        let first = accepted.flat_map(|item| &item.changes).find_map(|change| match change {
            Change::Rename { kind, to, .. } => Some(Selection::Entity(*kind, to.clone())),
            Change::Describe { kind, name, .. } => Some(Selection::Entity(*kind, name.clone())),
            _ => None,
        });
        match (first, new) {
            (Some(selection), _) => self.selection = selection,
            (None, Some(id)) => self.select_scene(id),
            (None, None) => {}
        }
        self.forget_what_is_gone();
        if late > 0 {
            let what = if late == 1 { "1 change was" } else { "some changes were" };
            self.tell(format!("{what} left out: the film was changed there meanwhile"));
        }
    }

    /// Leaves the film as it is; stops the writer if it is still at it.
    pub(super) fn reject_proposal(&mut self) {
        if let Some(job) = self.revising.as_ref().and_then(|revising| revising.job) {
            self.engine.cancel(job);
        }
        self.end_revision();
    }

    /// Has the same proposed once more, in other words.
    pub(super) fn revise_again(&mut self) {
        let Some(revision) = self.revising.take().and_then(|revising| revising.revision) else { return };
        self.dialog = None;
        self.revise(revision);
    }

    // --- remarks ---

    /// Looks at the film again when it has changed.
    pub(super) fn follow_remarks(&mut self) {
        let Some(doc) = &self.doc else {
            self.remarks = Remarks::default();
            return;
        };
        if self.remarks.revision == Some(doc.revision()) {
            return;
        }
        let mut findings = check(doc.project());
        findings.retain(|finding| !self.remembered.ignored_remarks.contains(&finding.key(doc.project())));
        self.remarks = Remarks { revision: Some(doc.revision()), findings };
    }

    /// Proposes what mends a remark.
    pub(super) fn repair(&mut self, finding: &Finding) {
        let Some(doc) = &self.doc else { return };
        match finding.repair(doc.project()) {
            Repair::Rule(proposal) => self.show_proposal(None, proposal),
            Repair::Writer(revision) => self.revise(revision),
        }
    }

    /// Proposes all that rules can mend.
    pub(super) fn repair_by_rules(&mut self) {
        let Some(doc) = &self.doc else { return };
        let (proposal, left) = repair_by_rules(doc.project());
        if proposal.is_empty() {
            return self.tell(format!("rules know no repair for these {left} remarks: repair them one by one"));
        }
        self.show_proposal(None, proposal);
    }

    /// Does not remark on this again.
    pub(super) fn ignore_remark(&mut self, finding: &Finding) {
        let Some(doc) = &self.doc else { return };
        let ignored = &mut self.remembered.ignored_remarks;
        ignored.push(finding.key(doc.project()));
        let surplus = ignored.len().saturating_sub(IGNORED);
        ignored.drain(..surplus);
        self.remarks.revision = None;
    }

    /// Remarks on everything again.
    pub(super) fn hear_all_remarks(&mut self) {
        self.remembered.ignored_remarks.clear();
        self.remarks.revision = None;
    }
}
