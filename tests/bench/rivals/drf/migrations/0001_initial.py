from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = (("rest_framework_api_key", "0005_auto_20220110_1102"),)
    operations = (
        migrations.CreateModel(
            name="KeyPermission",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=512)),
                (
                    "api_key",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="held",
                        to="rest_framework_api_key.apikey",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("api_key", "key"), name="one_permission_of_a_key"
                    ),
                ],
            },
        ),
    )
