"""What has just not answered is not asked again by everybody."""

from threading import Barrier, Thread

from idp.breaker import Breaker


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_it_lets_everybody_through_while_all_is_well():
    breaker = Breaker(pause=5, clock=Clock())
    assert [breaker.lets_through() for _ in range(3)] == [True] * 3
    assert not breaker.succeeded(), "it never was away"


def test_after_a_failure_one_asks_in_each_pause():
    clock = Clock()
    breaker = Breaker(pause=5, clock=clock)
    assert breaker.failed()
    assert breaker.is_open
    assert not breaker.lets_through()
    clock.now += 4.9
    assert not breaker.lets_through()
    clock.now += 0.2
    assert [breaker.lets_through() for _ in range(4)] == [True, False, False, False]
    assert not breaker.failed(), "it was away before"
    clock.now += 4.9
    assert not breaker.lets_through()


def test_one_who_asks_and_never_comes_back_does_not_shut_it_for_ever():
    clock = Clock()
    breaker = Breaker(pause=5, clock=clock)
    breaker.failed()
    for _ in range(3):
        clock.now += 5.1
        assert breaker.lets_through()


def test_an_answer_lets_everybody_through_again():
    clock = Clock()
    breaker = Breaker(pause=5, clock=clock)
    breaker.failed()
    clock.now += 5.1
    assert breaker.lets_through()
    assert breaker.succeeded()
    assert not breaker.is_open
    assert [breaker.lets_through() for _ in range(3)] == [True] * 3


def test_of_many_threads_one_asks():
    clock = Clock()
    breaker = Breaker(pause=5, clock=clock)
    breaker.failed()
    clock.now += 5.1
    start, asked = Barrier(16), []

    def ask():
        start.wait()
        if breaker.lets_through():
            asked.append(1)

    threads = [Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [1]
