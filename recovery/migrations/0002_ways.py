"""More ways of proving than an address; and a plan for each journey."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recovery", "0001_initial")]

    operations = [
        migrations.RenameModel("ProofOfAddress", "JourneyProof"),
        migrations.RenameField("JourneyProof", "address", "thing"),
        migrations.RenameField("JourneyProof", "address_version", "thing_version"),
        migrations.AddField("Journey", "plan", models.JSONField(default=dict)),
    ]
