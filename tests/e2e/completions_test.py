"""The completions, in the shells that they are for."""

import os
import subprocess

from harness import HERE, Case, Screen, environment, main

COMPLETIONS = os.path.join(HERE, "..", "..", "packaging", "completions")
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"

# What is typed, and what the TAB makes of it. `fruit` is a command with a completion of its own.
CASES = (
    ("graceshim --stop-sig", "--stop-signal"),
    ("graceshim --preset res", "--preset resque"),
    ("graceshim --preset=rab", "--preset=rabbitmq"),
    ("graceshim --platform her", "--platform heroku"),
    ("graceshim --stop-signal Q", "--stop-signal QUIT"),
    ("graceshim -s Q", "-s QUIT"),
    ("graceshim -vs Q", "-vs QUIT"),
    ("graceshim --stop-signal=Q", "--stop-signal=QUIT"),
    ("graceshim --stop-on TERM,Q", "--stop-on TERM,QUIT"),
    ("graceshim -p QUIT/20s/TE", "-p QUIT/20s/TERM"),
    ("graceshim --map HU", "--map HUP:"),
    ("graceshim -m HUP:Q", "-m HUP:QUIT"),
    ("graceshim --map=HUP:ig", "--map=HUP:ignore"),
    ("graceshim --stop-shield n", "--stop-shield none"),
    ("graceshim --log-level de", "--log-level debug"),
    ("graceshim --log-level=de", "--log-level=debug"),
    ("graceshim --restart on-", "--restart on-failure"),
    ("graceshim --notify pr", "--notify proxy"),
    ("graceshim --explain=j", "--explain=json"),
    ("graceshim --help=", "--help=all"),
    ("graceshim --config sett", "--config settings.toml"),
    ("graceshim --chdir fol", "--chdir folder/"),
    ("graceshim --check-ready sett", "--check-ready settings.toml"),
    ("graceshim --user nobod", "--user nobody"),
    ("graceshim fru", "fruit"),
    ("graceshim -- fru", "-- fruit"),
    ("graceshim fruit ap", "fruit apple"),
    ("graceshim -t 5s -m HUP:USR2 --log-level=warn -- fruit ap", "-t 5s -m HUP:USR2 --log-level=warn -- fruit apple"),
    ("graceshim -q --report fruit fruit ap", "-q --report fruit fruit apple"),
    ("graceshim fruit --pe", "fruit --peel"),
)
STOP_OPTIONS = ("--stop-signal", "--stop-timeout", "--stop-plan", "--stop-on", "--stop-delay", "--stop-stragglers")

BASHRC = f"""
. {BASH_COMPLETION}
PS1='PROMPT> '
bind 'set show-all-if-ambiguous on'
bind 'set bell-style none'
bind 'set page-completions off'
bind 'set enable-bracketed-paste off'
graceshim() {{ echo "<$*>"; }}
fruit() {{ :; }}
complete -W 'apple --peel' fruit
"""
ZSHRC = f"""
PROMPT='PROMPT> '
unsetopt prompt_sp beep list_ambiguous auto_remove_slash
autoload -U compinit $^fpath/_*(N:t)
# compinit reads every file, and those of all programs are a thousand.
all=($fpath)
fpath=({COMPLETIONS} ${{(M)fpath:#*/(Completion|Base|Zsh)}})
compinit -u -D
fpath=({COMPLETIONS} $all)
_fruit() {{ compadd -- apple --peel; }}
compdef _fruit fruit
graceshim() {{ echo "<$*>" }}
fruit() {{ : }}
"""
FISH = """
function graceshim; end
function fruit; end
complete -c fruit -f -a 'apple --peel'
for line in $argv
    complete -C $line | string replace -r '\\t.*' ''
    echo
end
"""


class Completions(Case):
    def setUp(self):
        super().setUp()
        self.write("settings.toml", "")
        self.write("folder/file", "")

    def check_keyboard(self, screen):
        """What the shell makes of the lines at its prompt; graceshim is a function that shows its arguments."""
        screen.expect("PROMPT> ")
        for typed, completed in CASES:
            with self.subTest(typed):
                screen.send(typed + "\t\n")
                self.assertEqual(screen.expect(r"\n<([^>]*)>\r\n")[1].rstrip(" "), completed)
                screen.expect("PROMPT> ")
        screen.send("graceshim --st\t")
        self.until(lambda: set(STOP_OPTIONS) <= set(screen.read().split()), "the options of a stop on the screen",
                   on_failure=lambda: f"the screen shows {screen.shown!r}")
        screen.send("\x15exit\n")
        screen.wait()

    def test_bash(self):
        self.need_program("bash")
        self.need(os.path.exists(BASH_COMPLETION), "bash-completion is not installed")
        os.mkdir(os.path.join(self.directory, "completions"))
        os.symlink(os.path.join(COMPLETIONS, "graceshim.bash"), os.path.join(self.directory, "completions", "graceshim"))
        rc = self.write("bashrc", BASHRC)
        self.check_keyboard(Screen(self, ["bash", "--noprofile", "--rcfile", rc, "-i"],
                                   environment(TERM="dumb", INPUTRC="/dev/null", BASH_COMPLETION_USER_DIR=self.directory)))

    def test_zsh(self):
        self.need_program("zsh")
        self.write(".zshrc", ZSHRC)
        self.check_keyboard(Screen(self, ["zsh", "-d", "-i"], environment(TERM="dumb", ZDOTDIR=self.directory)))

    def test_fish(self):
        self.need_program("fish")
        os.makedirs(os.path.join(self.directory, "fish", "completions"))
        os.symlink(os.path.join(COMPLETIONS, "graceshim.fish"),
                   os.path.join(self.directory, "fish", "completions", "graceshim.fish"))
        home = {name: self.directory for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        done = subprocess.run(["fish", "-c", FISH, *(typed for typed, _ in CASES), "graceshim --st"], cwd=self.directory,
                              env=environment(**home), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        answers = [answer.split("\n") for answer in done.stdout.split("\n\n")]
        for (typed, completed), answer in zip(CASES, answers):
            with self.subTest(typed):
                self.assertIn(completed.split(" ")[-1], answer)
        self.assertLessEqual(set(STOP_OPTIONS), set(answers[len(CASES)]))


main()
