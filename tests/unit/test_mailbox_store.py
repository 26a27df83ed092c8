"""What the mailbox keeps."""

from stack.mailbox_store import Fault, Store, letter, text_message


def keep(store: Store, key: str, *, to: str = "+79001234567", size: int = 10) -> bool:
    return store.add(text_message(to=to, text="Вы записаны", key=key), size)


def test_the_newest_message_comes_first() -> None:
    store = Store()
    keep(store, "first")
    keep(store, "second")

    assert [message["key"] for message in store.find()] == ["second", "first"]


def test_the_same_key_twice_is_one_message_delivered_twice() -> None:
    store = Store()

    assert keep(store, "one")
    assert not keep(store, "one")
    assert [message["deliveries"] for message in store.find()] == [2]


def test_messages_without_a_key_are_all_kept() -> None:
    store = Store()
    keep(store, "")
    keep(store, "")

    assert len(store.find()) == 2


def test_messages_are_found_by_address_and_channel() -> None:
    store = Store()
    keep(store, "one", to="+1")
    keep(store, "two", to="+2")

    assert [message["key"] for message in store.find(to="+2", channel="sms")] == ["two"]
    assert store.find(channel="email") == []


def test_the_oldest_make_room() -> None:
    store = Store(most_messages=2, most_bytes=100)
    for key in ("one", "two", "three"):
        keep(store, key, size=10)
    keep(store, "large", size=95)

    assert [message["key"] for message in store.find()] == ["large"]


def test_a_fault_is_played_as_often_as_asked() -> None:
    store = Store()
    store.refuse("sms", Fault(status=503), 2)

    assert [store.next_fault("sms") for _ in range(3)] == [
        Fault(status=503),
        Fault(status=503),
        None,
    ]
    assert store.next_fault("email") is None


def test_a_letter_that_is_no_letter_is_kept_too() -> None:
    message = letter(b"\xff\xfe no header at all", ["a@example.org"])

    assert message["to"] == "a@example.org"
    assert message["key"] == ""
    assert message["html"] is None
