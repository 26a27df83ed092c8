"""Access tokens of the development issuer, for curl and tests."""

import httpx

from stack.errors import StackError
from stack.home import Home
from stack.run_state import RunState
from stack.servers.issuer import CLIENT

TOKEN_WITHIN = 15.0


def access_token(home: Home, state: RunState, username: str) -> str:
    """The token of one of the accounts. StackError says why there is none."""
    accounts = {account["username"]: account for account in state.get("accounts", [])}
    if "issuer" not in state:
        raise StackError("This stack has no issuer of its own: ask the one it was given.")
    if username not in accounts:
        raise StackError(f"there is no {username}; there are {', '.join(accounts)}")
    form = {
        "grant_type": "password",
        "username": username,
        "password": accounts[username]["password"],
    }
    answer = httpx.post(
        f"{state['issuer']}/token",
        data=form,
        auth=(CLIENT, home.secret("issuer-secret")),
        timeout=TOKEN_WITHIN,
        trust_env=False,
    )
    token = answer.json().get("access_token") if answer.is_success else None
    if not isinstance(token, str):
        raise StackError(f"The issuer answered {answer.status_code}.")
    return token
