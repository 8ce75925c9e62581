"""Which journeys may be told that their account came back elsewhere."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recovery", "0002_ways")]

    operations = [migrations.AddField("Journey", "known_browser", models.BooleanField(default=False))]
