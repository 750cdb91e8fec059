"""graceshim in a container by the name of another init, or in podman's own."""

from container import ORPHANS, WORKER, ContainerCase, main


class Names(ContainerCase):
    """The names that the image has besides. The settings of graceshim are the same there."""

    def as_init(self, name):
        container = self.start_script(ORPHANS + WORKER, options=[f'--entrypoint=["/{name}", "--"]'],
                                      GRACESHIM_STOP_SIGNAL="QUIT")
        self.assertRegex(self.place.noted("reaped"), f"^/{name} -- ")
        self.stop_lets_finish(container)

    def test_tini(self):
        self.as_init("tini")

    def test_dumb_init(self):
        self.as_init("dumb-init")

    def test_catatonit(self):
        self.as_init("catatonit")


class PodmansOwn(ContainerCase):
    """`podman run --init`: an image that knows nothing of graceshim, and the host's program in front of its command."""

    def test_it_reaps_and_translates_the_stop(self):
        container = self.start_script(ORPHANS + WORKER, image=self.bare_image, GRACESHIM_STOP_SIGNAL="QUIT",
                                      options=["--init", "--init-path", self.program, "--stop-signal=TERM"])
        self.assertRegex(self.place.noted("reaped"), "^/(run/podman-init|dev/init) -- ")
        self.stop_lets_finish(container)


if __name__ == "__main__":
    main()
