//! A moment, from quiet to quiet.

use tamer_tests::Process;

use super::SETTLED;
use super::deed::Deed;
use super::fleet::{Fleet, HOSTS};
use super::moment::Moment;
use super::tally::Tally;

impl Fleet {
    /// Files change, somebody asks, somebody dies; then everything has to be as it must.
    pub fn moment(&mut self, mut moment: Moment, tally: &mut Tally) {
        let Moment { seed, deed, victims, host, aim, edits, .. } = moment;
        println!("seed {seed}: {deed:?}, {victims:?}, host{host}, {aim:?}, {edits:?} files");
        if deed == Deed::Accept {
            // What a person accepts, a person has seen.
            self.edit(&mut moment, edits[0]);
            self.until_seen(&[], tally);
        }
        let known = self.known_roots();
        let request = self.ask(deed, &format!("m{seed}"));
        if deed != Deed::Accept && !matches!(deed, Deed::Harm(_)) {
            self.edit(&mut moment, edits[0]);
        }
        let away = self.strike(&mut moment, &known, tally);
        let answer = request.map(|request| request.finish(SETTLED));
        self.answered(deed, answer, tally);
        self.look_for_harm(&away, tally);
        self.until_seen(&away.hosts, tally);
        self.check(&away, tally);
    }

    /// The moment in which it begins: nothing is known yet.
    pub fn first(&mut self, mut moment: Moment, tally: &mut Tally) {
        let Moment { seed, victims, host, aim, .. } = moment;
        println!("seed {seed}: the first pictures, {victims:?}, host{host}, {aim:?}");
        let away = self.strike(&mut moment, &vec![None; HOSTS], tally);
        self.check(&away, tally);
    }

    pub fn edit(&mut self, moment: &mut Moment, many: usize) {
        for (disk, baseline) in self.disks.iter_mut().zip(&self.baseline) {
            disk.edit(&mut moment.draws, many, baseline);
        }
    }

    fn ask(&self, deed: Deed, note: &str) -> Option<Process> {
        let (snapshot, _) = self.settled.as_ref()?;
        let request = deed.request(snapshot, note)?;
        let request = [&["-o", "json"], &request[..]].concat();
        Some(Process::tool("tamerctl", &mut self.ctl().command(&request)))
    }
}
