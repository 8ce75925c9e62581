from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("idp", "0005_address_claims")]

    operations = [
        migrations.AddField("message", "bell", models.UUIDField(null=True)),
        # By queue: a hundred thousand notices that wait are not read to find one code.
        migrations.AddIndex(
            "message", models.Index(fields=["state", "queue", "due_at"], name="idp_message_by_queue")
        ),
        migrations.RemoveIndex("message", name="idp_message_due"),
    ]
