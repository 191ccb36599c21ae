"""The plants of the example."""

from pydantic import BaseModel


class Plant(BaseModel):
    name: str
    healthiness: float
    tasty: bool


PLANTS = [
    Plant(name="spinach", healthiness=9.8, tasty=False),
    Plant(name="broccoli", healthiness=12.2, tasty=True),
    Plant(name="lettuce", healthiness=3, tasty=False),
    Plant(name="avocado", healthiness=8, tasty=True),
]
