"""The application form that a card holder once filled in."""

from typing import Any

import numpy as np

from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.people import area_code
from crm_analytics.datasets.city.world import World

CHANNELS = ("post", "e-mail", "sms", "phone")


def application_form(world: World, plan: Plan, card: str) -> dict[str, Any]:
    """What the form of a card says; where nobody works there is no work phone."""
    member = plan.holder(card)
    chance = np.random.default_rng([world.seed, *(ord(letter) for letter in card)])
    open_to = [channel for channel in CHANNELS if chance.random() < 0.5]
    may_contact = bool(open_to) and bool(chance.random() < 0.85)
    return {
        "customer_id": card,
        "sex": member.sex,
        "birth_year": member.birth_year,
        "married": member.married,
        "district": plan.home_district,
        "email_domain": member.email_domain,
        "work_phone_area": area_code(world, member.work_place) if member.work_place else "",
        "may_contact": may_contact,
        "channels": " ".join(open_to) if may_contact else "",
    }
