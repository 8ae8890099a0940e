//! `liaison refer`.

mod approve;
mod assign;
mod decide;
mod end;
mod find;
mod guide;
mod help;
mod make;
mod person;
mod screen;
mod show;
mod step;

use clap::Subcommand;
use liaison_protocol::record::codes::StepKind;

use super::Context;
use crate::client::segment;
use crate::error::Outcome;

/// Referrals of presumed victims, one agency to another.
///
/// The provider is sent a profile without identity first. Who the person is goes only to the
/// provider that accepts, and only as far as the person consented. `liaison inbox` lists what
/// waits.
#[derive(Debug, Subcommand)]
pub enum ReferCommand {
    New(make::NewArgs),
    Screen(screen::ScreenArgs),
    Template(make::TemplateArgs),
    Drafts(make::DraftsArgs),
    Approve(approve::ApproveArgs),
    Review(approve::ReviewArgs),
    Show(show::ShowArgs),
    Timeline(show::TimelineArgs),
    Ack(decide::AckArgs),
    AskInfo(decide::AskInfoArgs),
    GiveInfo(decide::GiveInfoArgs),
    Accept(decide::AcceptArgs),
    Decline(decide::DeclineArgs),
    Expire(decide::ExpireArgs),
    ReleaseIdentity(help::ReleaseIdentityArgs),
    Assist(help::AssistArgs),
    Transfer(help::TransferArgs),
    FollowUp(help::FollowUpArgs),
    Missing(person::MissingArgs),
    Located(person::LocatedArgs),
    Consent(person::ConsentArgs),
    Guardian(person::GuardianArgs),
    BestInterests(person::BestInterestsArgs),
    Reclassify(person::ReclassifyArgs),
    Close(end::CloseArgs),
    Withdraw(end::WithdrawArgs),
    Assign(assign::AssignArgs),
    Find(find::FindArgs),
}

/// Runs one of them.
pub fn run(context: &mut Context, command: ReferCommand) -> Outcome {
    match command {
        ReferCommand::New(args) => make::new(context, args),
        ReferCommand::Screen(args) => screen::run(context, args),
        ReferCommand::Template(make::TemplateArgs {}) => make::template(context),
        ReferCommand::Drafts(args) => make::drafts(context, &args),
        ReferCommand::Approve(args) => approve::approve(context, &args),
        ReferCommand::Review(args) => approve::review(context, &args),
        ReferCommand::Show(args) => show::show(context, &args),
        ReferCommand::Timeline(args) => show::timeline(context, &args),
        ReferCommand::Ack(args) => decide::ack(context, args),
        ReferCommand::AskInfo(args) => decide::ask_info(context, args),
        ReferCommand::GiveInfo(args) => decide::give_info(context, args),
        ReferCommand::Accept(args) => decide::accept(context, args),
        ReferCommand::Decline(args) => decide::decline(context, args),
        ReferCommand::Expire(args) => decide::expire(context, args),
        ReferCommand::ReleaseIdentity(args) => help::release_identity(context, args),
        ReferCommand::Assist(args) => help::assist(context, args),
        ReferCommand::Transfer(args) => help::transfer(context, args),
        ReferCommand::FollowUp(args) => help::follow_up(context, args),
        ReferCommand::Missing(args) => person::missing(context, args),
        ReferCommand::Located(args) => person::located(context, args),
        ReferCommand::Consent(args) => person::consent(context, args),
        ReferCommand::Guardian(args) => person::guardian(context, args),
        ReferCommand::BestInterests(args) => person::best_interests(context, args),
        ReferCommand::Reclassify(args) => person::reclassify(context, args),
        ReferCommand::Close(args) => end::close(context, args),
        ReferCommand::Withdraw(args) => end::withdraw(context, args),
        ReferCommand::Assign(args) => assign::run(context, &args),
        ReferCommand::Find(args) => find::run(context, args),
    }
}

/// The command that takes a step, as it is typed after `refer`.
pub(crate) const fn verb(step: StepKind) -> &'static str {
    match step {
        StepKind::Acknowledged => "ack",
        StepKind::InfoAsked => "ask-info",
        StepKind::InfoGiven => "give-info",
        StepKind::Accepted => "accept",
        StepKind::Declined => "decline",
        StepKind::Expired => "expire",
        StepKind::IdentityReleased => "release-identity",
        StepKind::Assisting => "assist",
        StepKind::Transferred => "transfer",
        StepKind::FollowedUp => "follow-up",
        StepKind::Closed => "close",
        StepKind::Missing => "missing",
        StepKind::Located => "located",
        StepKind::Withdrawn => "withdraw",
        StepKind::Consent => "consent",
        StepKind::Guardian => "guardian",
        StepKind::BestInterests => "best-interests",
        StepKind::Reclassified => "reclassify",
    }
}

/// What that does, as a person is told who may take the step now.
pub(crate) const fn does(step: StepKind) -> &'static str {
    match step {
        StepKind::Acknowledged => "say that you have read it",
        StepKind::InfoAsked => "ask what you need to decide",
        StepKind::InfoGiven => "answer their question",
        StepKind::Accepted => "take the person",
        StepKind::Declined => "do not take the person",
        StepKind::Expired => "wait for them no longer",
        StepKind::IdentityReleased => "tell them who it is",
        StepKind::Assisting => "say that you help now",
        StepKind::Transferred => "say who has the person now",
        StepKind::FollowedUp => "say that you saw them again",
        StepKind::Closed => "end it",
        StepKind::Missing => "nobody knows where they are",
        StepKind::Located => "they were found",
        StepKind::Withdrawn => "take it back, and erase it",
        StepKind::Consent => "record what they consent to",
        StepKind::Guardian => "record the child's guardian",
        StepKind::BestInterests => "record the child's officer",
        StepKind::Reclassified => "change how urgent it is",
    }
}

/// Path of a call about a referral; `why` is the reason to look though it is not assigned.
pub(crate) fn path(id: &str, call: &str, why: Option<&str>) -> String {
    let mut path = format!("/v1/referrals/{}{call}", segment(id));
    if let Some(why) = why {
        path.push_str(&format!("?why={}", segment(why)));
    }
    path
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use liaison_protocol::record::codes::StepKind;

    #[test]
    fn every_step_has_its_command() {
        let cli = super::super::Cli::command();
        let refer = cli.find_subcommand("refer").expect("refer");
        for step in StepKind::ALL {
            let verb = super::verb(*step);
            assert!(refer.find_subcommand(verb).is_some(), "{step}: {verb}");
        }
    }

    #[test]
    fn a_reason_to_look_is_part_of_the_path_and_nothing_else() {
        assert_eq!(
            super::path("3F7K", "/timeline", Some("shift & handover?x")),
            "/v1/referrals/3F7K/timeline?why=shift%20%26%20handover%3Fx"
        );
        assert_eq!(super::path("../x", "", None), "/v1/referrals/..%2Fx");
    }
}
